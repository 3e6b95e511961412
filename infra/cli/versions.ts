import { userInfo } from 'node:os';
import Table from 'cli-table3';
import type { Command } from 'commander';
import type { Database } from '../../src/database.ts';
import { RelearnError } from '../../src/errors.ts';
import { deployVersion, importVersion, modelSettings, trainVersion } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';

interface VersionLine {
  model: string;
  version: string;
  kind: string;
  champion: boolean;
  /** Of its passed certificate, or its latest; null when it has none. */
  certificate: string | null;
  passed: boolean | null;
  dataset: string | null;
  parent: string | null;
  createdAt: Date;
}

/** `train`, `deploy` and `models`: versions made, put into service and listed by hand. */
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

  program
    .command('models')
    .description('list the versions of each model, their certificates and who serves')
    .option('--model <name>', 'of this model only')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      runWith<{ model?: string; json?: boolean }>(command, async ({ db, config }, { model, json }) => {
        if (model !== undefined) modelSettings({ config }, model);
        const versions = await listVersions(db, model === undefined ? Object.keys(config.models) : [model]);
        report(json, versions, () => describeVersions(versions));
      }),
    );
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

async function listVersions(db: Database, models: readonly string[]): Promise<VersionLine[]> {
  return db.query<VersionLine>(
    `select v.model, v.version, v.kind, a.version is not null as champion, c.kind as certificate, c.passed,
       v.dataset, v.parent, v.created_at as "createdAt"
     from relearn.versions v
     left join relearn.aliases a on a.model = v.model and a.version = v.version and a.alias = 'champion'
     left join lateral (
       select kind, passed from relearn.certificates c
       where c.model = v.model and c.version = v.version order by passed desc, issued_at desc limit 1
     ) c on true
     where v.model = any($1) order by v.model, v.n`,
    [models],
  );
}

function describeVersions(versions: readonly VersionLine[]): string {
  if (versions.length === 0) return 'No version yet. Train one: relearn train --model NAME --deploy';
  const table = new Table({
    head: ['model', 'version', 'serves', 'certificate', 'dataset', 'made'],
    style: { head: [], border: [] },
  });
  for (const line of versions) {
    table.push([
      line.model,
      line.version,
      line.champion ? 'champion' : '',
      line.certificate === null ? 'none' : `${line.certificate}${line.passed === true ? '' : ', not passed'}`,
      line.dataset?.slice(0, 12) ?? 'base set',
      line.createdAt.toISOString(),
    ]);
  }
  return table.toString();
}

/** Who types the command, for the audit. */
export function actor(): string {
  try {
    return userInfo().username;
  } catch {
    return 'cli';
  }
}
