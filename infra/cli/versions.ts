import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { RelearnError } from '../../src/errors.ts';
import { describeGate } from '../../src/gate/describe-certificate.ts';
import type { Decision } from '../../src/gate/verdict.ts';
import { deployVersion, importVersion, trainVersion } from '../deploy.ts';
import { judgeFirstVersion } from '../first-version.ts';
import type { Runtime } from '../runtime.ts';
import { exitCodes } from './eval.ts';
import { report, runWith } from './run-with.ts';

/** `train` and `deploy`: versions made and put into service by hand. */
export function addVersionCommands(program: Command): void {
  program
    .command('train')
    .description('train the first version of a model from its base set')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .option('--deploy', 'make it the champion, when the model has none and it passes the absolute gates')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith(command, train));

  program
    .command('deploy')
    .description('make a version the champion; the first one of a model passes absolute gates, or comes from elsewhere')
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
  const { version, rows, labels, seconds } = trained;
  const decision = options.deploy === true ? await judgeFirstVersion(runtime, model, version) : null;
  const refused = isRefused(decision);
  if (options.deploy === true && !refused) {
    await deployVersion(runtime, model, version, { actor: actor(), reason: 'first version' });
  }
  report(json, { model, ...trained, deployed: options.deploy === true && !refused, decision }, () =>
    [
      `${model} ${version}: ${rows} rows, ${labels} labels, ${seconds.toFixed(1)} s.`,
      ...(decision === null ? [] : [describeFirst(decision)]),
      options.deploy === true
        ? refused
          ? notDeployed
          : 'It serves now.'
        : `Let it serve with: relearn deploy --model ${model} --version ${version}`,
    ].join(decision === null ? ' ' : '\n'),
  );
}

const notDeployed =
  'It is registered, not deployed. Give it better examples (retrain.trainer) or check evals.gates, and train again.';

/** Sets the exit code where a first version was judged, and says whether it may not serve. */
function isRefused(decision: Decision | null): boolean {
  if (decision === null || decision.verdict === 'pass') return false;
  process.exitCode = exitCodes[decision.verdict];
  return true;
}

/** The gates that were asked: a first version has nothing to be compared with. */
function describeFirst({ gates }: Decision): string {
  return gates
    .filter(({ outcome }) => outcome !== 'not_applicable')
    .map(describeGate)
    .join('\n');
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
  const decision = await judgeFirstVersion(runtime, model, version);
  const judged = decision === null ? [] : [describeFirst(decision)];
  if (isRefused(decision)) {
    report(json, { model, version, notes, deployed: false, decision }, () =>
      [...notes, ...judged, `${model} ${version}: ${notDeployed}`].join('\n'),
    );
    return;
  }
  const warning = await deployVersion(runtime, model, version, { actor: actor(), reason });
  const told = [...notes, ...(warning === null ? [] : [warning])];
  report(json, { model, version, notes: told, deployed: true, decision }, () =>
    [...told, ...judged, `${model} ${version} serves now.`].join('\n'),
  );
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
