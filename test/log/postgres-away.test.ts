import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startPostgres, type EmbeddedPostgres } from '../../infra/embedded/postgres.ts';
import { migrate } from '../../infra/migrate.ts';
import { configSchema } from '../../src/config.ts';
import { openDatabase, type DatabasePool } from '../../src/database.ts';
import { newRequestId } from '../../src/log/request-id.ts';
import type { LogRow } from '../../src/log/row.ts';
import { openLogWriter, type LogWriterOptions } from '../../src/log/writer.ts';
import { openLogThread } from '../../src/serve/log-thread.ts';
import { eventually, patienceMs, until } from '../until.ts';
import { newRow, newUnsampledRow } from './new-row.ts';

const run = promisify(execFile);
const none = { files: 0, bytes: 0, rows: 0 };
let directory: string;
let postgres: EmbeddedPostgres;
let db: DatabasePool;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-away-'));
  postgres = await startPostgres({ directory, unsafe: true });
  db = openDatabase(postgres.url, { connectMs: patienceMs });
  await migrate(db);
});
after(async () => {
  await db.close();
  await postgres.process.stop();
  await rm(directory, { recursive: true, force: true });
});

/** The url of the test's Postgres, changed. */
function urlWith(change: (url: URL) => void): string {
  const url = new URL(postgres.url);
  change(url);
  return url.href;
}

async function newSpool(t: TestContext): Promise<string> {
  const spoolDirectory = await mkdtemp(join(tmpdir(), 'relearn-away-spool-'));
  t.after(() => rm(spoolDirectory, { recursive: true, force: true }));
  return spoolDirectory;
}

/** A writer with connections of its own, and how often it said that it waits. */
function open(url: string, change: Partial<LogWriterOptions> & { connectMs?: number } = {}) {
  let waits = 0;
  const quiet = { info: () => undefined, warn: () => (waits += 1), error: () => undefined };
  const pool = openDatabase(url, { connectMs: change.connectMs ?? 5000 });
  const usual = { db: pool, logger: quiet, flushMs: 5, maxQueuedRows: 1_000_000, hotWindowHours: 24 };
  const writer = openLogWriter({ ...usual, ...change });
  return {
    ...{ writer, waited: () => waits > 0 },
    close: async (): Promise<void> => {
      await writer.close();
      await pool.close();
    },
  };
}

const mixed = (count: number) => Array.from({ length: count }, (_, n) => (n % 2 === 0 ? newRow() : newUnsampledRow()));

async function assertStoredOnce(rows: readonly LogRow[], at: DatabasePool = db): Promise<void> {
  const stored = await at.query<{ id: string }>(
    'select request_id as id from relearn.samples union all select request_id from relearn.recent',
  );
  const wanted = new Set(rows.map(({ requestId }) => requestId));
  assert.deepEqual(stored.map(({ id }) => id).filter((id) => wanted.has(id)).sort(), [...wanted].sort()); // prettier-ignore
}

const allStored = { written: 40, dropped: {}, queued: 0, spooled: none };

/** A process spools rows and ends; the next one takes them over and tries to store them, in vain. */
async function waitOnDisk(url: string, spoolDirectory: string) {
  const rows = mixed(40);
  const first = open(url, { spoolDirectory });
  for (const row of rows) void first.writer.push(row);
  await until('the rows are spooled', async () => first.writer.counts().spooled.rows === 40);
  await first.close();
  assert.deepEqual(first.writer.counts().dropped, {});
  const next = open(url, { spoolDirectory });
  await until('they were replayed in vain', async () => next.waited());
  const { written, dropped, queued, spooled } = next.writer.counts();
  assert.deepEqual([written, dropped, queued, spooled.rows], [0, {}, 0, 40]);
  return { ...next, rows };
}

async function waitInMemory(url: string) {
  const rows = mixed(40);
  const own = open(url);
  for (const row of rows) void own.writer.push(row);
  await until('storing them was tried in vain', async () => own.waited());
  assert.deepEqual(own.writer.counts(), { written: 0, dropped: {}, queued: 40, spooled: none });
  return { ...own, rows };
}

async function waitUntil(t: TestContext, url: string, putRight: () => Promise<unknown>): Promise<LogRow[]> {
  const waiting = [await waitOnDisk(url, await newSpool(t)), await waitInMemory(url)];
  await putRight();
  await eventually(() => waiting.map(({ writer }) => writer.counts()), [allStored, allStored]);
  await Promise.all(waiting.map(({ close }) => close()));
  return waiting.flatMap(({ rows }) => rows);
}

test('rows wait while the password is wrong', async (t) => {
  await db.query(`create role logging superuser login password 'rotated'`);
  const url = urlWith((changed) => Object.assign(changed, { username: 'logging', password: 'former' }));
  await assertStoredOnce(await waitUntil(t, url, () => db.query(`alter role logging password 'former'`)));
});

test('rows wait while there is no such database', async (t) => {
  const url = urlWith((changed) => (changed.pathname = '/later'));
  const later = openDatabase(url, { connectMs: patienceMs });
  t.after(() => later.close());
  const rows = await waitUntil(t, url, async () => {
    await db.query('create database later');
    await migrate(later);
  });
  await assertStoredOnce(rows, later);
});

const wrongAddresses: Record<string, (url: URL) => void> = {
  'the host has no address': (url) => (url.hostname = 'postgres.invalid'),
  'there is no such socket': (url) => url.searchParams.set('host', '/nowhere'),
  'Postgres does not speak TLS': (url) => url.searchParams.set('sslmode', 'verify-full'),
};
for (const [problem, change] of Object.entries(wrongAddresses)) {
  test(`rows wait while ${problem}`, async (t) => {
    const spoolDirectory = await newSpool(t);
    const { rows, close } = await waitOnDisk(urlWith(change), spoolDirectory);
    await close();
    const right = open(postgres.url, { spoolDirectory });
    await eventually(() => right.writer.counts(), allStored);
    await right.close();
    await assertStoredOnce(rows);
  });
}

/** Stops all processes of Postgres where they stand: connections stay open, and nobody answers. */
async function freeze(): Promise<() => void> {
  const { pid } = postgres.process;
  process.kill(pid, 'SIGSTOP');
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  const all = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const children = all.flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
  for (const child of children) process.kill(child, 'SIGSTOP');
  return () => {
    for (const stopped of [...children, pid]) process.kill(stopped, 'SIGCONT');
  };
}

test('rows go to the spool while Postgres hangs, and each is stored and counted once', async (t) => {
  const { writer, close } = open(postgres.url, { spoolDirectory: await newSpool(t), answerMs: 500, connectMs: 500 });
  await db.query('truncate relearn.minutes');
  const pushed: LogRow[] = [];
  const pushing = setInterval(() => {
    const rows = mixed(50);
    pushed.push(...rows);
    for (const row of rows) void writer.push(row);
  }, 10);
  try {
    await until('rows are stored', async () => writer.counts().written > 0);
    const thaw = await freeze();
    try {
      const { length } = pushed;
      await until('later rows are spooled, too', async () => writer.counts().spooled.rows > length);
    } finally {
      thaw();
    }
  } finally {
    clearInterval(pushing);
  }
  await writer.flush();
  await close();
  assert.deepEqual(writer.counts(), { written: pushed.length, dropped: {}, queued: 0, spooled: none });
  await assertStoredOnce(pushed);
  const [minutes] = await db.query('select sum(requests)::int as requests from relearn.minutes');
  assert.deepEqual(minutes, { requests: pushed.length });
});

test('a process ends while Postgres hangs, and the next one stores what it held', async (t) => {
  const spoolDirectory = await newSpool(t);
  const { log } = configSchema.parse({ models: { chat: { serve: { kind: 'onnx' } } } });
  const settings = { log, databaseUrl: postgres.url, hashKey: 'key', spoolDirectory: await newSpool(t) };
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const thread = openLogThread({ ...settings, logger: quiet });
  const first = open(postgres.url, { spoolDirectory, answerMs: 500, connectMs: 500 });
  const rows = mixed(40);
  const [before, after] = [rows.slice(0, 20), rows.slice(20)];
  for (const row of before) void first.writer.push(row);
  void thread.add({
    ...{ served: { model: 'chat', version: 'v1', lowConfidenceBelow: -3, healthyRate: 1 }, requestId: newRequestId() },
    ...{ ts: new Date(), incident: null, user: 'ann', source: 'production', latencyMs: 1, redacted: 'none' },
    flagged: false,
    messages: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }),
    completion: JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'hello' } }] }),
  });
  await Promise.all([first.writer.flush(), thread.flush()]);
  assert.equal(thread.counts().written, 1);
  const thaw = await freeze();
  const ended: string[] = [];
  try {
    for (const row of after) void first.writer.push(row);
    void first.close().then(() => ended.push('writer'));
    void thread.close().then(() => ended.push('thread'));
    await until('both have ended', async () => ended.length === 2);
  } finally {
    thaw();
  }
  assert.deepEqual([first.writer.counts().dropped, first.writer.counts().spooled.rows], [{}, 20]);
  const next = open(postgres.url, { spoolDirectory });
  await eventually(() => next.writer.counts().written, 20);
  await next.close();
  await assertStoredOnce(rows);
});

test('with durable, no answer waits for a Postgres that hangs, not even for counts that are on their way to it', async (t) => {
  const spoolDirectory = await newSpool(t);
  const forever = 2 * patienceMs;
  const { writer, close } = open(postgres.url, {
    ...{ spoolDirectory, durable: true, hotWindowHours: 0, answerMs: forever, connectMs: forever },
  });
  const thaw = await freeze();
  const held: number[] = [];
  try {
    for (let n = 1; n <= 3; n += 1) {
      void writer.push(newUnsampledRow());
      void writer.push(newRow())?.then(() => held.push(n));
      await until('the row is held', async () => held.includes(n));
    }
  } finally {
    thaw();
  }
  await writer.flush();
  await close();
  assert.deepEqual(writer.counts(), { written: 3, dropped: {}, queued: 0, spooled: none });
});
