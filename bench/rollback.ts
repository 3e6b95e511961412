import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import getPort from 'get-port';
import { readCertificateKeys, readOrMakeCertificateKeys } from '../infra/certificate-keys.ts';
import { startChild, untilItAnswers } from '../infra/child.ts';
import { deployVersion } from '../infra/deploy.ts';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { startTemporal } from '../infra/embedded/temporal.ts';
import { childEnvironment, readEnvironment } from '../infra/environment.ts';
import { migrate } from '../infra/migrate.ts';
import { makeRuntime, type Runtime } from '../infra/runtime.ts';
import { registerSearchAttributes } from '../infra/search-attributes.ts';
import { configSchema } from '../src/config.ts';
import { certificateContent, issueCertificate } from '../src/gate/certificate.ts';
import { findCertificate, storeCertificate } from '../src/gate/stored-certificates.ts';
import { redactorVersion } from '../src/log/redact/index.ts';
import { openArtifactDirectory } from '../src/promote/artifacts.ts';
import { deployChampion } from '../src/promote/promotion.ts';
import { registerVersion } from '../src/promote/registry.ts';
import { exportOnnx } from '../src/retrain/embedded/export-onnx.ts';
import { defaultFeaturizer } from '../src/retrain/embedded/featurize.ts';
import { taskQueue, workflowId } from '../src/temporal.ts';

/** Labels of each model: files of 13 and 197 MB. */
const models = { small: 100, large: 1500 };
type Model = keyof typeof models;
const gateways = 2;
const askEveryMs = 5;

/**
 * Rollbacks (10, or `--rows`) of an ONNX champion on two `relearn gateway` processes that are asked all the while, by the
 * workflow `rollback`. `worst_s`: from the database's time of the rollback until the last gateway has answered with the
 * old version, the worst of all rollbacks; `median_s` of them; `asked_worst_s`: from the moment the workflow is asked for.
 * `large_…`: the same with artifacts of 197 MB. Fails when a request is not answered.
 */
export async function run({ rows: rollbacks = 10 }: { rows?: number }): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-rollback-'));
  const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    const postgres = await startPostgres({ directory: join(directory, 'postgres') });
    stops.push(() => postgres.process.stop());
    const { cacheDirectory } = readEnvironment();
    const onEvent = (line: string) => console.error(line);
    const temporal = await startTemporal({ directory: join(directory, 'temporal'), cacheDirectory, onEvent });
    stops.push(() => temporal.process.stop());
    const connection = await Connection.connect({ address: temporal.address });
    stops.push(() => connection.close());
    await registerSearchAttributes(connection, 'default');
    const runtime = await prepare(directory, postgres.url);
    stops.push(() => runtime.close());

    const env = childEnvironment({
      ...{ DATABASE_URL: postgres.url, RELEARN_HASH_KEY: 'a key for the benchmark only' },
      TEMPORAL_ADDRESS: temporal.address,
    });
    const start = async (name: string, logs: string, ...args: string[]) => {
      const child = {
        ...{ name, args: ['--config', runtime.configPath, ...args], env, logDirectory: join(directory, logs) },
        onEvent: ({ message }: { message: string }) => console.error(`${name}: ${message}`),
      };
      const process = await startChild(child);
      stops.push(() => process.stop());
      return { child, process };
    };
    await start('worker', 'worker');
    const urls: string[] = [];
    for (let n = 0; n < gateways; n += 1) {
      const port = await getPort({ host: '127.0.0.1' });
      const { child, process } = await start('gateway', `gateway-${n}`, '--port', `${port}`);
      await untilItAnswers(`http://127.0.0.1:${port}/readyz`, process, child);
      urls.push(`http://127.0.0.1:${port}`);
    }
    const drill = { runtime, urls, client: new Client({ connection }), rollbacks };
    const small = await measure(drill, 'small');
    const large = await measure(drill, 'large');
    return { ...small, ...Object.fromEntries(Object.entries(large).map(([name, value]) => [`large_${name}`, value])) };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** Two certified versions of each model, of which the first serves. */
async function prepare(directory: string, databaseUrl: string): Promise<Runtime> {
  const settings = {
    stateDir: join(directory, 'state'),
    models: Object.fromEntries(Object.keys(models).map((model) => [model, { serve: { kind: 'onnx' } }])),
  };
  const configPath = join(directory, 'relearn.yaml');
  await writeFile(configPath, JSON.stringify(settings)); // JSON is YAML
  const runtime = makeRuntime(configSchema.parse(settings), configPath, { ...readEnvironment({}), databaseUrl });
  const { db, config } = runtime;
  await migrate(db);
  await readOrMakeCertificateKeys(config, () => undefined);
  const keys = await readCertificateKeys(config, () => undefined);
  const store = openArtifactDirectory(join(settings.stateDir, 'artifacts'));
  for (const [model, labels] of Object.entries(models)) {
    const file = join(directory, `${model}.onnx`);
    await writeFile(file, makeModel(labels));
    const artifact = await store.put(file);
    const register = () =>
      registerVersion(db, {
        ...{ model, kind: 'onnx', artifact, dataset: null, parent: null, run: null, lowConfidenceBelow: null },
        metadata: {},
      });
    await deployVersion(runtime, model, await register(), { actor: 'bench', reason: 'first' });
    const certificate = await findCertificate(db, model, 'v1');
    if (certificate === null) throw new Error('the first version has a certificate');
    const content = certificateContent.parse(certificate);
    await storeCertificate(db, issueCertificate({ ...content, version: await register() }, keys));
  }
  return runtime;
}

/** A classifier of so many labels that has learned nothing: it costs as much to load as one that has. */
function makeModel(count: number): Uint8Array {
  const labels = Array.from({ length: count }, (_, n) => `label ${n}`);
  const { buckets } = defaultFeaturizer;
  const weights = Float32Array.from({ length: buckets * count }, (_, n) => Math.sin(n));
  const trained = { labels, weights, idf: new Float32Array(buckets).fill(1), featurizer: defaultFeaturizer };
  return exportOnnx(trained, {
    ...{ labels, featurizer: defaultFeaturizer, redactorVersion: redactorVersion(), lowConfidenceBelow: null, rows: 0 },
    trainer: { kind: 'embedded', seed: 1, epochs: 1, repeatDataset: 1 },
  });
}

interface Drill {
  runtime: Runtime;
  urls: readonly string[];
  client: Client;
  rollbacks: number;
}

async function measure({ runtime, urls, client, rollbacks }: Drill, model: Model): Promise<Record<string, number>> {
  const { db, config } = runtime;
  const keys = await readCertificateKeys(config, () => undefined);
  const seconds: number[] = [];
  const asked: number[] = [];
  for (let n = 0; n < rollbacks; n += 1) {
    const promotion = { model, version: 'v2', action: 'promote', actor: 'bench', reason: 'a drill' } as const;
    await deployChampion(db, keys, { ...promotion, key: `${model}/${n}`, expectedToken: null });
    await Promise.all(urls.map((url) => untilAnsweredBy(url, model, 'v2')));
    const at = Date.now();
    const answered = Promise.all(urls.map((url) => untilAnsweredBy(url, model, 'v1')));
    await client.workflow.execute('rollback', {
      ...{ workflowId: workflowId.rollback(model), taskQueue, args: [{ model, by: 'bench', reason: 'a drill' }] },
    });
    const last = Math.max(...(await answered));
    const [done] = await db.query<{ at: Date }>(
      `select at from relearn.deployments where model = $1 and action = 'rollback' order by id desc limit 1`,
      [model],
    );
    if (done === undefined) throw new Error('the rollback is on record');
    seconds.push((last - done.at.getTime()) / 1000);
    asked.push((last - at) / 1000);
    console.error(`${model}, rollback ${n + 1}: ${seconds.at(-1)} s, ${asked.at(-1)} s from asking`);
  }
  const median = seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? Number.NaN;
  return { worst_s: Math.max(...seconds), median_s: median, asked_worst_s: Math.max(...asked) };
}

/** Asks a gateway again and again. Returns when the first answer of the version was there, in epoch milliseconds. */
async function untilAnsweredBy(url: string, model: Model, version: string): Promise<number> {
  for (;;) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'where is my parcel?' }] }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`A gateway answered ${response.status}: ${text}`);
    if (response.headers.get('x-relearn-version') === version) return Date.now();
    await sleep(askEveryMs);
  }
}
