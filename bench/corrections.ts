import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { Pool } from 'undici';
import { readOrMakeCertificateKeys } from '../infra/certificate-keys.ts';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { startTemporal } from '../infra/embedded/temporal.ts';
import { readEnvironment } from '../infra/environment.ts';
import { migrate } from '../infra/migrate.ts';
import { choosePort } from '../infra/ports.ts';
import { registerSearchAttributes } from '../infra/search-attributes.ts';
import { configSchema } from '../src/config.ts';
import { openDatabase, type Database } from '../src/database.ts';
import { workflowId, type CorrectionBatch, type CorrectionMessage } from '../src/temporal.ts';
import { getIncident, incidentProgress, openIncident } from '../src/watch/incidents.ts';
import { startDriftResponse } from '../src/watch/start-response.ts';

export interface CorrectionsOptions {
  /** Where Postgres and Temporal keep their state; a folder that is removed at the end when left out. */
  data?: string;
  /** Corrections sent by update; as many again by HTTP, in lists and one by one. */
  rows?: number;
}

const cli = fileURLToPath(new URL('../infra/cli.js', import.meta.url));
const model = 'bench';
const clients = 20;
const kills = 5;
/** A default server stalls a workflow that has more than ten. */
const mostUpdates = 8;
const updateSize = 100;
const listSize = 25;

/**
 * Twenty clients correct the rows of one incident at once, through a worker process that is killed five times meanwhile;
 * every tenth batch is sent by two of them. Then by HTTP, with the worker alive.
 *
 * `lost`: rows without a correction at the end, or corrections the incident does not count. `twice`: corrections stored or counted more than once.
 * `update_per_s` includes the five kills; `steady_update_per_s` is the rate without.
 * `http_per_s`: lists of 25, as review tools send a page; `http_single_per_s`: one correction a request.
 */
export async function run(options: CorrectionsOptions = {}): Promise<Record<string, number>> {
  const { rows = 10_000 } = options;
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'relearn-corrections-')));
  const postgres = await startPostgres({ directory: join(directory, 'postgres') });
  const { cacheDirectory } = readEnvironment();
  const temporal = await startTemporal({
    ...{ directory: join(directory, 'temporal'), cacheDirectory },
    onEvent: (line) => console.error(line),
  });
  const db = openDatabase(postgres.url);
  const connection = await Connection.connect({ address: temporal.address });
  const children = new Set<ChildProcess>();
  try {
    await migrate(db);
    await registerSearchAttributes(connection, 'default');
    const client = new Client({ connection });
    const config = configSchema.parse({
      stateDir: join(directory, 'state'),
      models: { [model]: { serve: { kind: 'onnx' }, retrain: { minCorrected: 1_000_000 } } },
    });
    await readOrMakeCertificateKeys(config, () => undefined);
    const configPath = join(directory, 'relearn.yaml');
    await writeFile(configPath, JSON.stringify(config)); // JSON is YAML
    const start = (...args: string[]) => {
      const child = spawn(process.execPath, [cli, ...args, '--config', configPath], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: {
          ...{ ...process.env, NODE_OPTIONS: '', RELEARN_HASH_KEY: 'a key for benchmarks only' },
          ...{ DATABASE_URL: postgres.url, TEMPORAL_ADDRESS: temporal.address },
        },
      });
      children.add(child);
      return child;
    };

    const total = 4 * rows;
    const incident = await openWithRows(db, total);
    const settings = config.models[model];
    if (settings === undefined) throw new Error('the model is configured above');
    await startDriftResponse(client.workflow, await getIncident(db, incident), settings);
    const handle = client.workflow.getHandle(workflowId.driftResponse(model, incident));
    let worker = start('worker');
    await until('it collects', async () => (await getIncident(db, incident)).state === 'collecting');
    await until('its rows are tagged', async () => (await incidentProgress(db, incident)).rows === total);

    const steady = await sendUpdates(handle, take(0, rows));
    const killed = sendUpdates(handle, take(rows, 2 * rows));
    await killFiveTimes(db, rows, async () => {
      await kill(worker);
      worker = start('worker');
    });
    const updated = await killed;

    const port = await choosePort(0, { host: '127.0.0.1', what: 'the console', setting: '--port' });
    start('console', '--port', `${port}`);
    await until('the console answers', async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok);
    const lists = await post(port, take(2 * rows, 3 * rows), listSize);
    const singles = await post(port, take(3 * rows, total), 1);

    const counted = await until('all is counted', async () => {
      const state = await handle.query<{ counted: number }>('state');
      return state.counted >= total && state.counted;
    }).catch(() => 0);
    const stored = await countStored(db);
    return {
      ...{
        lost: total - Math.min(stored.rows, counted),
        twice: stored.corrections - stored.rows + Math.max(0, counted - total),
      },
      ...{ update_per_s: rows / updated, steady_update_per_s: rows / steady },
      ...{ http_per_s: rows / lists, http_single_per_s: rows / singles },
    };
  } finally {
    for (const child of children) await kill(child);
    await connection.close();
    await db.close();
    await temporal.process.stop();
    await postgres.process.stop();
    if (options.data === undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function openWithRows(db: Database, rows: number): Promise<string> {
  await db.query(`select relearn.ensure_partition('samples', at)
    from generate_series(now() - interval '1 day', now(), interval '1 day') at`);
  await db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, kept_because,
       inclusion_probability)
     select 'request-' || n, now() - interval '10 minutes', $1, 'v1', md5((n / 10)::text) || ' ' || md5(n::text), 'wrong', 1, 'healthy', 1
     from generate_series(0, $2::int - 1) n`,
    [model, rows],
  );
  const detection = { model, modelVersion: 'v1', monitor: 'bench', detectedAt: new Date(), figures: {} };
  return (await openIncident(db, { ...detection, windowHours: 12, hotWindowHours: 24 })).id;
}

function take(from: number, to: number): CorrectionMessage[] {
  return Array.from({ length: to - from }, (_, n) => ({
    ...{ requestId: `request-${from + n}`, completion: `right ${n % 7}`, operator: `reviewer ${n % clients}` },
  }));
}

/** Batches of this size; every tenth twice, the second time at the end of all. */
function batchesOf(corrections: readonly CorrectionMessage[], size: number): CorrectionMessage[][] {
  const batches = Array.from({ length: Math.ceil(corrections.length / size) }, (_, n) =>
    corrections.slice(n * size, (n + 1) * size),
  );
  return [...batches, ...batches.filter((_, n) => n % 10 === 0)];
}

/** Seconds until every client has had its last answer. */
async function byClients(batches: CorrectionMessage[][], send: (batch: CorrectionMessage[]) => Promise<void>) {
  const started = performance.now();
  const queue = [...batches];
  const work = async () => {
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) await send(batch);
  };
  await Promise.all(Array.from({ length: clients }, work));
  return (performance.now() - started) / 1000;
}

async function sendUpdates(handle: WorkflowHandle, corrections: readonly CorrectionMessage[]): Promise<number> {
  let inFlight = 0;
  let sent = 0;
  return byClients(batchesOf(corrections, updateSize), async (batch) => {
    while (inFlight >= mostUpdates) await sleep(1);
    inFlight += 1;
    try {
      const args: [CorrectionBatch] = [{ batch: `batch ${(sent += 1)}`, corrections: batch }];
      await again(() => handle.executeUpdate('submitCorrections', { args }));
    } finally {
      inFlight -= 1;
    }
  });
}

async function post(port: number, corrections: readonly CorrectionMessage[], size: number): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: clients });
  const seconds = await byClients(batchesOf(corrections, size), async (batch) => {
    const given = batch.map(({ requestId: request_id, completion }) => ({ request_id, completion }));
    const { statusCode, body } = await pool.request({
      ...{ path: '/api/corrections', method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ operator: batch[0]?.operator, ...(size === 1 ? given[0] : { corrections: given }) }),
    });
    await body.text();
    if (statusCode !== 200) throw new Error(`the review API answered ${statusCode}`);
  });
  await pool.close();
  return seconds;
}

/** Kills when another sixth is stored. */
async function killFiveTimes(db: Database, rows: number, killAndStart: () => Promise<void>): Promise<void> {
  const { corrections: before } = await countStored(db);
  for (let turn = 1; turn <= kills; turn += 1) {
    const share = (turn * rows) / (kills + 1);
    await until('the next kill is due', async () => (await countStored(db)).corrections - before >= share);
    await killAndStart();
  }
}

async function countStored(db: Database): Promise<{ corrections: number; rows: number }> {
  const [counted] = await db.query<{ corrections: number; rows: number }>(
    `select count(*) as corrections, count(distinct request_id) as rows from relearn.corrections`,
  );
  return counted ?? { corrections: 0, rows: 0 };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** As a client does whose call ends without an answer: what was stored before is repeated. */
async function again(send: () => Promise<unknown>): Promise<void> {
  for (let turn = 1; ; turn += 1) {
    try {
      await send();
      return;
    } catch (error) {
      if (turn === 20) throw error;
      await sleep(200);
    }
  }
}

async function until<Result>(what: string, look: () => Promise<Result | false>): Promise<Result> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(20)) {
    const seen = await look().catch(() => false as const);
    if (seen !== false) return seen;
  }
  throw new Error(`waited two minutes in vain until ${what}`);
}
