import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readOrMakeCertificateKeys } from '../../infra/certificate-keys.ts';
import { deployIncumbentUpstreams } from '../../infra/deploy.ts';
import { choosePort } from '../../infra/ports.ts';
import { makeRuntime } from '../../infra/runtime.ts';
import { configSchema } from '../../src/config.ts';
import type { Database } from '../../src/database.ts';
import { fakeCompletion, startFakeUpstream } from '../serve/fake-upstream.ts';
import { createTestDatabase } from '../stack.ts';
import { until } from '../until.ts';

const cli = fileURLToPath(new URL('../../infra/cli.js', import.meta.url));
const hashKey = 'a key for this test alone';
/** The usual `log.flushMs`. */
const flushMs = 200;
/** For a batch on its way to the database, on a slow machine. */
const batchMs = 4000;
/** Longer than both, so that rows held back until the end of it are seen. */
const loadMs = 7000;

interface Answer {
  requestId: string;
  /** When the answer was here, in ms. */
  at: number;
}

/** What a kill in the middle of a load took. */
interface Killed {
  answers: Answer[];
  /** Answers without a row. */
  missing: Answer[];
  /** How long before the kill the first answer without a row was given, in ms. */
  lostMs: number;
  /** How long this machine held up an answer, in ms. */
  slowestMs: number;
}

/** A gateway process in front of a fake endpoint, and the way between it and Postgres, which can be cut. */
async function startWorld(t: TestContext, log: z.input<typeof configSchema>['log']) {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'relearn-killed-'));
  const upstream = await startFakeUpstream(() => fakeCompletion('an answer', [-0.1]));
  const way = await openWay(new URL(database.url));
  const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big-2026' };
  const config = { stateDir: join(directory, 'state'), log, models: { chat: { serve } } };
  await writeFile(join(directory, 'relearn.yaml'), JSON.stringify(config)); // JSON is YAML
  const runtime = makeRuntime(configSchema.parse(config), '', {
    ...{ databaseUrl: database.url, namespace: 'default', logLevel: 'warn', cacheDirectory: directory },
    secret: (name) => (name === 'RELEARN_HASH_KEY' ? hashKey : undefined),
  });
  await readOrMakeCertificateKeys(runtime.config, runtime.environment.secret);
  await deployIncumbentUpstreams(runtime);
  await runtime.close();
  const gateways: ChildProcess[] = [];
  t.after(async () => {
    for (const gateway of gateways) await end(gateway, 'SIGKILL');
    await way.close();
    await upstream.close();
    await database.close();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    ...{ db: database.db, way, spool: join(directory, 'state', 'spool') },
    async start() {
      const port = await choosePort(0, { host: '127.0.0.1', what: 'the gateway', setting: '--port' });
      const args = [cli, 'gateway', '--config', join(directory, 'relearn.yaml'), '--port', `${port}`];
      const env = { ...process.env, DATABASE_URL: way.url, RELEARN_HASH_KEY: hashKey, NODE_OPTIONS: '' };
      const gateway = spawn(process.execPath, args, { stdio: 'ignore', env });
      gateways.push(gateway);
      const url = `http://127.0.0.1:${port}`;
      await until('the gateway is ready', async () => {
        assert.equal(gateway.exitCode, null, 'the gateway ended');
        return (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
      });
      return { gateway, url };
    },
  };
}
type World = Awaited<ReturnType<typeof startWorld>>;

/** Passes connections on to Postgres until it is cut. */
async function openWay(to: URL) {
  const sockets = new Set<Socket>();
  const state = { isCut: false };
  const server = createServer((near) => {
    if (state.isCut) return void near.destroy();
    const far = connect(Number(to.port), to.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one.on('error', () => other.destroy()).on('close', () => other.destroy()));
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(to);
  url.hostname = '127.0.0.1';
  url.port = `${(server.address() as AddressInfo).port}`;
  const cut = (): void => {
    state.isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    mend: () => void (state.isCut = false),
    async close() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function end(gateway: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (gateway.exitCode !== null || gateway.signalCode !== null) return;
  const gone = once(gateway, 'exit');
  gateway.kill(signal);
  await gone;
}

const answerSchema = z.object({ request_id: z.string() });

/** One request after the other until the gateway is gone. */
async function ask(url: string, answers: Answer[]): Promise<number> {
  let slowestMs = 0;
  for (;;) {
    const start = performance.now();
    const answered = await fetch(`${url}/chat`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ prompt: `question ${answers.length}` }),
    })
      .then((response) => response.json())
      .catch(() => undefined);
    if (answered === undefined) return slowestMs;
    const at = performance.now();
    answers.push({ requestId: answerSchema.parse(answered).request_id, at });
    slowestMs = Math.max(slowestMs, at - start);
    await sleep(5);
  }
}

/** Kills a gateway in the middle of a load, lets the next one store what is on the disk, and looks what is missing. */
async function killInLoad(world: World, { whileAway = false } = {}): Promise<Killed> {
  const { gateway, url } = await world.start();
  const answers: Answer[] = [];
  const asking = ask(url, answers);
  await sleep(loadMs / 3);
  if (whileAway) world.way.cut();
  await sleep((2 * loadMs) / 3);
  const killedAt = performance.now();
  await end(gateway, 'SIGKILL');
  const slowestMs = await asking;
  world.way.mend();

  const next = await world.start();
  await until('what it left on the disk is stored', async () => !(await hasSpooled(world.spool)));
  await end(next.gateway, 'SIGTERM');
  const stored = new Set(await readStored(world.db));
  const missing = answers.filter(({ requestId }) => !stored.has(requestId));
  const lostMs = killedAt - (missing[0]?.at ?? killedAt);
  return { answers, missing, lostMs, slowestMs };
}

async function hasSpooled(spool: string): Promise<boolean> {
  // A folder that is removed while it is read is looked at again.
  const names = await readdir(spool, { recursive: true }).catch(() => ['again.jsonl']);
  return names.some((name) => name.endsWith('.jsonl'));
}

/** The ids of all rows, as often as they are there. */
async function readStored(db: Database): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select request_id as id from relearn.samples union all select request_id from relearn.recent`,
  );
  return rows.map(({ id }) => id);
}

function assertLastInterval({ answers, missing, lostMs, slowestMs }: Killed): void {
  assert.ok(answers.length > missing.length, `${missing.length} of ${answers.length} are missing`);
  assert.ok(lostMs <= flushMs + batchMs + slowestMs, `the first answer without a row is ${lostMs} ms old`);
}

async function assertStoredOnce(db: Database, { answers }: Killed): Promise<void> {
  const ids = await readStored(db);
  assert.equal(new Set(ids).size, ids.length, 'no row is stored twice');
  const known = new Set(answers.map(({ requestId }) => requestId));
  assert.ok(ids.filter((id) => !known.has(id)).length <= 1, 'only the answer on its way has a row that nobody knows');
}

test('a gateway killed with the usual settings loses the rows of its last flush interval, and their counts with them', async (t) => {
  const world = await startWorld(t, {});
  const killed = await killInLoad(world);
  assertLastInterval(killed);
  await assertStoredOnce(world.db, killed);
  const [minutes] = await world.db.query<{ requests: number; dropped: number }>(
    'select sum(requests)::int as requests, sum(dropped)::int as dropped from relearn.minutes',
  );
  assert.deepEqual(minutes, { requests: (await readStored(world.db)).length, dropped: 0 });
});

test('a gateway killed while Postgres is away loses no more: the rest is on the disk, and stored once', async (t) => {
  const world = await startWorld(t, {});
  const killed = await killInLoad(world, { whileAway: true });
  assertLastInterval(killed);
  await assertStoredOnce(world.db, killed);
});

test('rows that are held back for longer are missed', async (t) => {
  const { answers, missing } = await killInLoad(await startWorld(t, { flushMs: 60_000 }));
  assert.ok(answers.length > 0);
  assert.equal(missing.length, answers.length);
});
