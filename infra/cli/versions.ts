import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { RelearnError } from '../../src/errors.ts';
import { deployVersion, importVersion, trainVersion } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';

/** `train` and `deploy`: versions made and put into service by hand. */
export function addVersionCommands(program: Command): void {
  program
    .command('train')
    .description('train the first version of a model from its base set')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .option('--deploy', 'make it the champion, when the model has none')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith(command, train));

  program
    .command('deploy')
    .description('make a version the champion; the first one of a model needs no gate certificate')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .option('--version <version>', 'a registered version, such as v3')
    .option('--file <file>', 'an ONNX file of Relearn, or a text pipeline exported by skl2onnx; registered first')
    .option('--artifact <file>', 'the same as --file')
    .option('--reason <text>', 'why, for the record', 'by hand')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith(command, deploy));
}

async function train(runtime: Runtime, options: { model: string; deploy?: boolean; json?: boolean }): Promise<void> {
  const { model, json } = options;
  const trained = await trainVersion(runtime, model);
  if (options.deploy === true) {
    await deployVersion(runtime, model, trained.version, { actor: actor(), reason: 'first version' });
  }
  const { version, rows, labels, seconds } = trained;
  report(json, { model, ...trained, deployed: options.deploy === true }, () =>
    [
      `${model} ${version}: ${rows} rows, ${labels} labels, ${seconds.toFixed(1)} s.`,
      options.deploy === true
        ? 'It serves now.'
        : `Let it serve with: relearn deploy --model ${model} --version ${version}`,
    ].join(' '),
  );
}

interface DeployOptions {
  model: string;
  version?: string;
  file?: string;
  artifact?: string;
  reason: string;
  json?: boolean;
}

async function deploy(runtime: Runtime, options: DeployOptions): Promise<void> {
  const { model, reason, json } = options;
  const { version, notes } = await chooseVersion(runtime, options);
  const warning = await deployVersion(runtime, model, version, { actor: actor(), reason });
  const told = [...notes, ...(warning === null ? [] : [warning])];
  report(json, { model, version, notes: told }, () => [...told, `${model} ${version} serves now.`].join('\n'));
}

async function chooseVersion(
  runtime: Runtime,
  { model, version, file, artifact }: DeployOptions,
): Promise<{ version: string; notes: string[] }> {
  const path = file ?? artifact;
  if (version !== undefined && path === undefined) return { version, notes: [] };
  if (path !== undefined && version === undefined) return importVersion(runtime, model, path);
  throw new RelearnError('invalid_arguments', 'Wanted either --version or --file.');
}

/** Who types the command, for the audit. */
export function actor(): string {
  try {
    return userInfo().username;
  } catch {
    return 'cli';
  }
}
