import Table from 'cli-table3';
import type { Command } from 'commander';
import type { Config } from '../../src/config.ts';
import type { Database } from '../../src/database.ts';
import { RelearnError } from '../../src/errors.ts';
import { certificateSchema, type Signed } from '../../src/gate/certificate.ts';
import { hashUser } from '../../src/log/hash-user.ts';
import { describeFirstVersion } from '../../src/promote/first-version.ts';
import {
  listLineageRows,
  readLineage,
  traceRequests,
  type LearnedFrom,
  type Lineage,
  type LineageCount,
} from '../../src/promote/lineage.ts';
import { readUpstream } from '../../src/promote/upstream-version.ts';
import { chooseModel, modelSettings } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';

interface VersionLine {
  model: string;
  version: string;
  kind: string;
  champion: boolean;
  /** Part of the traffic that it answers beside the champion; null when it is not rolled out. */
  challengerShare: number | null;
  /** Of its passed certificate, or its latest; null when it has none. */
  certificate: string | null;
  passed: boolean | null;
  tainted: boolean;
  dataset: string | null;
  parent: string | null;
  createdAt: Date;
}

/** `models`: versions and who serves, where a version comes from, and what learned from a request. */
export function addModelCommands(program: Command): void {
  const models = program.command('models').description('the versions of each model, and what they learned from');

  models
    .command('list', { isDefault: true })
    .description('list the versions of each model, their certificates and who serves')
    .option('--model <name>', 'of this model only')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      runWith<{ model?: string; json?: boolean }>(command, async ({ db, config }, { model, json }) => {
        if (model !== undefined) modelSettings({ config }, model);
        const models = model === undefined ? Object.keys(config.models) : [model];
        const versions = await listVersions(db, models);
        report(json, versions, () =>
          versions.length === 0
            ? models.map((each) => describeNone(config, each)).join('\n')
            : describeVersions(versions),
        );
      }),
    );

  models
    .command('show <version>')
    .description('where a version comes from: certificates, dataset, rows, corrections, operators')
    .option('--model <name>', 'a model of relearn.yaml (default: the only one)')
    .option('--rows', 'also each row of its dataset, with its correction and who made it')
    .option('--json', 'report as JSON')
    .action((version: string, _: unknown, command: Command) =>
      runWith<ShowOptions>(command, (runtime, options) => show(runtime, version, options)),
    );

  models
    .command('trace')
    .description('which datasets and versions learned from a request, or from any request of a user')
    .option('--request <id>', 'the id of a response')
    .option('--user <id>', 'the user, as your application names them to the gateway')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<TraceOptions>(command, trace));
}

interface ShowOptions {
  model?: string;
  rows?: boolean;
  json?: boolean;
}

async function show(runtime: Runtime, version: string, { model: named, rows: wanted, json }: ShowOptions) {
  const { db } = runtime;
  const model = chooseModel(runtime, named);
  const lineage = await readLineage(db, model, version);
  const { dataset } = lineage.version;
  const rows = wanted === true && dataset !== null ? await listLineageRows(db, dataset) : [];
  report(json, wanted === true ? { ...lineage, rows } : lineage, () =>
    [
      ...describeLineage(lineage),
      ...rows.map(
        ({ requestId, split, correctionId, operator, incident }) =>
          `${requestId} ${split} correction ${correctionId} by ${operator ?? 'erased'}${incident && ` in ${incident}`}`,
      ),
    ].join('\n'),
  );
}

interface TraceOptions {
  request?: string;
  user?: string;
  json?: boolean;
}

async function trace(runtime: Runtime, { request, user, json }: TraceOptions): Promise<void> {
  if ((request === undefined) === (user === undefined)) {
    throw new RelearnError('invalid_arguments', 'Wanted either --request or --user.');
  }
  const asked =
    user === undefined ? { requestId: request ?? '' } : { userIdHash: hashUser(await runtime.hashKey(), user) };
  const found = await traceRequests(runtime.db, asked);
  report(json, found, () => (found.length === 0 ? 'No dataset holds it.' : found.map(describeTrace).join('\n')));
}

function describeTrace({ model, requestId, split, operator, dataset, revisedBy, versions }: LearnedFrom): string {
  const made = versions.map(
    ({ version, champion, tainted }) => version + (champion ? ' (champion)' : '') + (tainted ? ' (tainted)' : ''),
  );
  const erased = revisedBy === null ? '' : ', erased from it since';
  return (
    `${requestId}, corrected by ${operator ?? 'erased'}: ${split} in dataset ${dataset.slice(0, 12)} of ${model}${erased}; ` +
    `versions made from it: ${made.join(', ') || 'none'}`
  );
}

function describeLineage({ version: own, certificates, dataset, operators, incidents }: Lineage): string[] {
  const { model, version, kind, parent, run, createdAt, taintedAt, champion } = own;
  const made = run === null ? 'by hand' : `by retrain run ${run}`;
  const lines = [
    `${model} ${version} (${kind})${champion ? ', the champion' : ''}: made ${made} at ${createdAt.toISOString()}` +
      (parent === null ? '' : `, to replace ${parent}`),
    ...(kind === 'upstream' ? [describeUpstream(own)] : []),
    ...(taintedAt === null ? [] : [`tainted: it learned from rows that were erased (${taintedAt.toISOString()})`]),
    ...certificates.map(describeSigned),
  ];
  if (dataset === null) return [...lines, 'dataset: none; trained on its base set, or elsewhere'];
  const { trainRows, heldOutRows, from, to } = dataset.manifest;
  return [
    ...lines,
    `dataset ${dataset.id}: ${trainRows} rows to train on, ${heldOutRows} held out, ${from ?? '–'} to ${to ?? '–'}`,
    ...(dataset.revision === dataset.id ? [] : [`replaced by ${dataset.revision}, after rows were erased`]),
    'corrected by:',
    ...operators.map((count) => describeCount(count, 'erased')),
    'incidents:',
    ...incidents.map((count) => describeCount(count, 'none')),
  ];
}

function describeUpstream(version: Lineage['version']): string {
  const { upstreamModel = 'serve.upstreamModel', endpointOrigin = 'serve.url' } = readUpstream(version);
  return `endpoint: model ${upstreamModel} at ${endpointOrigin}`;
}

function describeSigned(signed: Signed): string {
  const certificate = certificateSchema.safeParse(signed).data;
  if (certificate === undefined) return `certificate ${signed.id.slice(0, 12)}: of another release`;
  const { id, kind, passed, issuedAt } = certificate;
  return `certificate ${id.slice(0, 12)}: ${kind}, ${passed ? 'passed' : 'not passed'}, ${issuedAt}`;
}

function describeCount({ name, train, heldOut, duplicate }: LineageCount, unnamed: string): string {
  return `  ${name ?? unnamed}: ${train} learned, ${heldOut} held out, ${duplicate} said by another row`;
}

async function listVersions(db: Database, models: readonly string[]): Promise<VersionLine[]> {
  return db.query<VersionLine>(
    `select v.model, v.version, v.kind, a.version is not null as champion, r.share as "challengerShare",
       c.kind as certificate, c.passed, v.dataset, v.parent,
       v.tainted_at is not null as tainted, v.created_at as "createdAt"
     from relearn.versions v
     left join relearn.aliases a on a.model = v.model and a.version = v.version and a.alias = 'champion'
     left join relearn.aliases r on r.model = v.model and r.version = v.version and r.alias = 'challenger'
     left join lateral (
       select kind, passed from relearn.certificates c
       where c.model = v.model and c.version = v.version order by passed desc, issued_at desc limit 1
     ) c on true
     where v.model = any($1) order by v.model, v.n`,
    [models],
  );
}

function describeNone({ models }: Config, model: string): string {
  return `${model} has no version yet: ${describeFirstVersion(model, models[model]?.serve.kind ?? 'onnx')}`;
}

function describeVersions(versions: readonly VersionLine[]): string {
  const table = new Table({
    head: ['model', 'version', 'serves', 'certificate', 'dataset', 'made'],
    style: { head: [], border: [] },
  });
  for (const line of versions) {
    table.push([
      line.model,
      line.version,
      describeServing(line),
      line.certificate === null ? 'none' : `${line.certificate}${line.passed === true ? '' : ', not passed'}`,
      line.dataset?.slice(0, 12) ?? 'base set',
      line.createdAt.toISOString(),
    ]);
  }
  return table.toString();
}

function describeServing({ champion, challengerShare, tainted }: VersionLine): string {
  const challenger = challengerShare === null ? '' : `challenger, ${Math.round(challengerShare * 100)} %`;
  return [champion ? 'champion' : '', challenger, tainted ? 'tainted' : ''].filter(Boolean).join(', ');
}
