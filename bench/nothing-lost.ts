import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { z } from 'zod';
import { readOrMakeCertificateKeys } from '../infra/certificate-keys.ts';
import { deployVersion, trainVersion } from '../infra/deploy.ts';
import { startPostgres, type EmbeddedPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { choosePort } from '../infra/ports.ts';
import { makeRuntime } from '../infra/runtime.ts';
import { configSchema } from '../src/config.ts';
import type { Database } from '../src/database.ts';

export interface NothingLostOptions {
  /** Where Postgres and the gateway keep their state; a folder that is removed at the end when left out. */
  data?: string;
  /** Requests to be answered, a third of them before the outage and a third after it. */
  requests?: number;
  /** How long Postgres is stopped, at least. */
  outageSeconds?: number;
  /** Small enough to be full before the outage ends. */
  spoolMb?: number;
  maxQueuedRows?: number;
  /** Every answer waits for the disk, and the gateway is killed instead of asked to end. */
  durable?: boolean;
}

const cli = fileURLToPath(new URL('../infra/cli.js', import.meta.url));
const hashKey = 'a key for benchmarks only';
const clients = 16;
const topics = { ham: 'the meeting about the report is moved to', spam: 'cheap watches and prizes for you, click' };

/**
 * Sends requests through a gateway process while its Postgres is stopped until the spool is full, ends the gateway by
 * SIGTERM in the outage, starts both again, and accounts for every answer: `answered` = `stored` + `dropped`, where `dropped`
 * is what the minute counters say. The other
 * figures are to be 0: rows of low confidence that were dropped, answers without an account, rows stored twice or never
 * answered, and what the counters say beside the truth.
 */
export async function run(options: NothingLostOptions = {}): Promise<Record<string, number>> {
  const { requests = 51_000, outageSeconds = 20, spoolMb = 4, maxQueuedRows = 2000, durable = false } = options;
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'relearn-nothing-lost-')));
  const postgresAt = join(directory, 'postgres');
  let postgres = await startPostgres({ directory: postgresAt });
  const settings = await writeSettings(directory, { spoolMb, maxQueuedRows, durable });
  const runtime = makeRuntime(configSchema.parse(settings), '', environmentOf(postgres, directory));
  const { db } = runtime;
  let gateway: ChildProcess | undefined;
  try {
    await migrate(db);
    await readOrMakeCertificateKeys(runtime.config, runtime.environment.secret);
    const { version } = await trainVersion(runtime, 'mail');
    await deployVersion(runtime, 'mail', version, { actor: 'bench', reason: 'first' });
    const port = await choosePort(0, { host: '127.0.0.1', what: 'the gateway', setting: '--port' });
    const start = () => startGateway(directory, postgres.url, port);
    const third = Math.ceil(requests / 3);
    const answered: string[] = [];

    gateway = await start();
    await send(port, answered, third, 0);
    await postgres.process.stop();
    await send(port, answered, third, outageSeconds);
    await end(gateway, durable ? 'SIGKILL' : 'SIGTERM');
    postgres = await startPostgres({ directory: postgresAt, port: Number(new URL(postgres.url).port) });
    gateway = await start();
    await send(port, answered, requests - 2 * third, 0);
    await untilReplayed(directory);
    await end(gateway);
    while (await hasSpooled(directory)) {
      // It ended with rows that Postgres was too slow for: the next one stores them.
      gateway = await start();
      await untilReplayed(directory);
      await end(gateway);
    }
    return await account(db, answered);
  } finally {
    gateway?.kill('SIGKILL');
    await runtime.close();
    await postgres.process.stop();
    if (options.data === undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function writeSettings(
  directory: string,
  log: z.input<typeof configSchema>['log'],
): Promise<z.input<typeof configSchema>> {
  const base = join(directory, 'base.jsonl');
  const examples = Array.from({ length: 200 }, (_, index) => {
    const [completion, prompt] = Object.entries(topics)[index % 2] ?? ['', ''];
    return JSON.stringify({ prompt: `${prompt} ${index}`, completion });
  });
  await writeFile(base, examples.join('\n'));
  const settings: z.input<typeof configSchema> = {
    stateDir: join(directory, 'state'),
    log,
    models: {
      mail: {
        serve: { kind: 'onnx' },
        sampling: { healthyRate: 0.3 },
        retrain: { trainer: { kind: 'embedded', base } },
      },
    },
  };
  await writeFile(join(directory, 'relearn.yaml'), JSON.stringify(settings)); // JSON is YAML
  return settings;
}

function environmentOf(postgres: EmbeddedPostgres, directory: string): Parameters<typeof makeRuntime>[2] {
  return {
    ...{ databaseUrl: postgres.url, namespace: 'default', logLevel: 'warn', cacheDirectory: directory },
    secret: (name) => (name === 'RELEARN_HASH_KEY' ? hashKey : undefined),
  };
}

async function startGateway(directory: string, databaseUrl: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [cli, 'gateway', '--config', join(directory, 'relearn.yaml'), '--port', `${port}`],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
      env: { ...process.env, DATABASE_URL: databaseUrl, RELEARN_HASH_KEY: hashKey, NODE_OPTIONS: '' },
    },
  );
  for (const deadline = Date.now() + 180_000; Date.now() < deadline; await sleep(50)) {
    if (child.exitCode !== null) throw new Error('the gateway ended');
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (ready?.status === 200) return child;
  }
  throw new Error('the gateway was not ready in three minutes');
}

async function end(gateway: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  const gone = once(gateway, 'exit');
  gateway.kill(signal);
  const [code] = z.tuple([z.number().nullable(), z.unknown()]).parse(await gone);
  if (code !== 0 && signal === 'SIGTERM') throw new Error(`the gateway ended with ${code}`);
}

const answer = z.object({ request_id: z.string() });

/** Sends at least `count` requests for at least `seconds`, evenly, and notes the ids of the answers. */
async function send(port: number, answered: string[], count: number, seconds: number): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: clients });
  const started = Date.now();
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count) {
      sent += 1;
      const ahead = started + (sent / count) * seconds * 1000 - Date.now();
      if (ahead > 0) await sleep(ahead);
      const prompt = `${sent % 2 === 0 ? topics.ham : topics.spam} ${sent} ${sent % 7 === 0 ? 'neither nor' : ''}`;
      const { body, statusCode } = await pool.request({
        ...{ path: '/chat', method: 'POST', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify({ prompt: prompt.repeat(4) }),
      });
      const content: unknown = await body.json();
      if (statusCode !== 200) throw new Error(`the gateway answered ${statusCode}`);
      answered.push(answer.parse(content).request_id);
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    await pool.close();
  }
}

/** What the gateway that was ended left behind is stored when its files are gone. */
async function untilReplayed(directory: string): Promise<void> {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await sleep(100)) {
    if (!(await hasSpooled(directory))) return;
  }
  throw new Error('the spool was not stored in five minutes');
}

async function hasSpooled(directory: string): Promise<boolean> {
  // A folder that is removed while it is read is looked at again.
  const names = await readdir(join(directory, 'state', 'spool'), { recursive: true }).catch(() => ['again.jsonl']);
  return names.some((name) => name.endsWith('.jsonl'));
}

async function account(db: Database, answered: readonly string[]): Promise<Record<string, number>> {
  const [counted] = await db.query<{ answered: number; stored: number; twice: number; unanswered: number }>(
    `with rows as (
       select request_id from relearn.samples union all select request_id from relearn.recent
     ), ids as (select request_id, count(*) as times from rows group by 1),
     answers as (select unnest($1::text[]) as request_id)
     select (select count(distinct request_id) from answers) as answered,
       (select count(*) from answers join ids using (request_id)) as stored,
       (select count(*) from ids where times > 1) as twice,
       (select count(*) from ids where request_id not in (select request_id from answers)) as unanswered`,
    [answered],
  );
  const [minutes] = await db.query<{ requests: number; dropped: number; kept: number; samples: number; risky: number }>(
    `select sum(requests)::int as requests, sum(dropped)::int as dropped, sum(kept)::int as kept,
       (select count(*) from relearn.samples) as samples,
       (sum(low_confidence) - (select count(*) from relearn.samples where kept_because = 'low_confidence'))::int as risky
     from relearn.minutes`,
  );
  if (counted === undefined || minutes === undefined) throw new Error('Postgres counted nothing');
  const { dropped } = minutes;
  return {
    ...counted,
    dropped,
    dropped_low_confidence: minutes.risky,
    unaccounted: counted.answered - counted.stored - dropped,
    miscounted: Math.abs(minutes.requests - counted.answered) + Math.abs(minutes.kept - minutes.samples),
  };
}
