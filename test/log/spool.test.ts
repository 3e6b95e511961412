import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { openDatabase, type Database, type DatabasePool } from '../../src/database.ts';
import type { LogRow } from '../../src/log/row.ts';
import { openLease } from '../../src/log/spool/lease.ts';
import { openLogWriter, type LogWriter, type LogWriterOptions } from '../../src/log/writer.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { newRow, newUnsampledRow } from './new-row.ts';

const run = promisify(execFile);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
let database: TestDatabase;
let db: Database;
/** Nothing listens there. */
let nowhere: DatabasePool;
let directory: string;

before(async () => {
  database = await createTestDatabase();
  db = database.db;
  nowhere = openDatabase('postgres://nobody@127.0.0.1:1/none');
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-spool-'));
  await db.query('truncate relearn.samples, relearn.recent, relearn.minutes, relearn.tallies');
});
afterEach(() => rm(directory, { recursive: true, force: true }));
after(async () => {
  await nowhere.close();
  await database.close();
});

function open(change: Partial<LogWriterOptions> = {}): LogWriter {
  const usual = { db, logger: quiet, flushMs: 5, maxQueuedRows: 10_000, hotWindowHours: 24, spoolDirectory: directory };
  return openLogWriter({ ...usual, ...change });
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function storedIds(): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    'select request_id as id from relearn.samples union all select request_id from relearn.recent order by 1',
  );
  return rows.map(({ id }) => id);
}

async function minutes(): Promise<object | undefined> {
  const [sums] = await db.query<object>(
    `select sum(requests)::int as requests, sum(low_confidence)::int as low, sum(kept)::int as kept,
       sum(dropped)::int as dropped from relearn.minutes`,
  );
  return sums;
}

async function spoolFiles(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const ids = (rows: readonly LogRow[]) => rows.map(({ requestId }) => requestId).sort();
const mixed = (count: number) =>
  Array.from({ length: count }, (_, n) => {
    if (n % 3 === 0) return newUnsampledRow();
    return n % 3 === 1 ? newRow() : newRow({ keptBecause: 'low_confidence', inclusionProbability: 1 });
  });

test('what a closing process cannot store the next one stores, once, and counts', async () => {
  const rows = mixed(900);
  const first = open({ db: nowhere });
  for (const row of rows) void first.push(row);
  first.drop('redaction_failed', newRow());
  await first.close();
  assert.deepEqual(first.counts().dropped, { redaction_failed: 1 });
  assert.deepEqual(await storedIds(), []);
  const second = open();
  await until(() => second.counts().written >= 900);
  await until(async () => (await spoolFiles()).every((file) => file.endsWith('owner')));
  await second.close();
  assert.deepEqual(await storedIds(), ids(rows));
  assert.deepEqual(await minutes(), { requests: 901, low: 300, kept: 600, dropped: 1 });
  assert.deepEqual(await readdir(directory), []);
});

test('spooled rows are readable by their owner only', async () => {
  const writer = open({ db: nowhere });
  void writer.push(newRow());
  await until(() => writer.counts().spooled.rows === 1);
  for (const file of await spoolFiles()) assert.equal((await stat(file)).mode & 0o777, 0o600);
  for (const name of await readdir(directory)) {
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o700);
  }
  await writer.close();
});

test('a spool that was stored and not removed is stored again, which changes nothing', async () => {
  const rows = mixed(30);
  const first = open({ db: nowhere });
  for (const row of rows) void first.push(row);
  first.drop('redaction_failed', newRow());
  await first.close();
  const kept = await Promise.all((await spoolFiles()).map(async (path) => ({ path, content: await readFile(path) })));
  const second = open();
  await until(() => second.counts().written >= 30);
  await second.close();
  for (const { path, content } of kept) {
    await mkdir(join(path, '..'), { recursive: true });
    await appendFile(path, content);
    if (path.endsWith('owner')) await utimes(path, 0, 0);
  }
  const third = open();
  await until(() => third.counts().written >= 30);
  await third.close();
  assert.deepEqual(await storedIds(), ids(rows));
  assert.deepEqual(await minutes(), { requests: 31, low: 10, kept: 20, dropped: 1 });
});

test('what a request offered to call is replayed, and so is a line of before there was such a field', async () => {
  const tools = '{"tools":[{}]}';
  const row = newRow({ tools });
  const older = newRow();
  delete older.tools;
  const first = open({ db: nowhere });
  void first.push(row);
  await first.close();
  const file = (await spoolFiles()).find((path) => path.endsWith('-healthy.jsonl')) ?? '';
  await appendFile(file, `${JSON.stringify(older)}\n`);
  const second = open();
  await until(() => second.counts().written >= 2);
  await second.close();
  assert.deepEqual(await storedIds(), ids([row, older]));
  assert.deepEqual(await db.query(`select tools from relearn.samples order by tools`), [{ tools }, { tools: null }]);
});

test('several processes share what a dead one left; a living one keeps its own', async () => {
  const rows = mixed(1500);
  const dead = open({ db: nowhere });
  for (const row of rows) void dead.push(row);
  await dead.close();
  const living = openLease(directory);
  const own = join(await living.folder(), '0-kept.jsonl');
  await appendFile(own, 'mine');
  const writers = [open(), open(), open()];
  const written = () => writers.reduce((sum, writer) => sum + writer.counts().written, 0);
  await until(() => written() >= 1500);
  await Promise.all(writers.map((writer) => writer.close()));
  assert.deepEqual(await storedIds(), ids(rows));
  assert.equal(await readFile(own, 'utf8'), 'mine');
  await living.release();
});

test('a line that a killed process did not end is counted, and the others are stored', async () => {
  const rows = mixed(3);
  const first = open({ db: nowhere });
  for (const row of rows) void first.push(row);
  await first.close();
  const file = (await spoolFiles()).find((path) => path.endsWith('-kept.jsonl')) ?? '';
  await appendFile(file, '{"requestId":"req-1","prompt":"can');
  const second = open();
  await until(() => second.counts().written >= 3);
  await second.close();
  assert.deepEqual(second.counts().dropped, { spool_unreadable: 1 });
  assert.deepEqual(await storedIds(), ids(rows));
});

/** Pushes more than the disk takes, the best rows last; returns what the others were dropped for. */
async function overflow(change: Partial<LogWriterOptions>): Promise<void> {
  const long = 'x'.repeat(1000);
  const make = (keptBecause: LogRow['keptBecause']) =>
    Array.from({ length: 600 }, () => newRow({ keptBecause, prompt: long }));
  const [unsampled, healthy, kept] = [make(null), make('healthy'), make('flagged')];
  const writer = open({ ...change, db: nowhere, maxQueuedRows: 300 });
  let pushed = 0;
  for (const row of [...unsampled, ...healthy, ...kept]) {
    void writer.push(row);
    pushed += 1;
    if (pushed % 100 === 0) {
      const { queued } = writer.counts();
      await until(() => writer.counts().queued < queued || queued > 250);
    }
  }
  await writer.close();
  const { dropped, spooled } = writer.counts();
  const lost = Object.values(dropped).reduce((sum, rows) => sum + rows, 0);
  assert.equal(lost + spooled.rows, 1800, 'each row waits or is counted');
  assert.ok((dropped['spool_full_unsampled'] ?? 0) > 0);
  assert.ok(!Object.keys(dropped).some((reason) => reason.endsWith('_kept')), JSON.stringify(dropped));
  const next = open(change);
  await until(() => next.counts().written >= spooled.rows);
  await next.close();
  const stored = new Set(await storedIds());
  assert.ok(
    kept.every(({ requestId }) => stored.has(requestId)),
    'those kept for a reason are all there',
  );
  assert.equal(stored.size, spooled.rows);
  assert.deepEqual(await minutes(), { requests: 1800, low: 0, kept: await countSamples(), dropped: lost });
}

async function countSamples(): Promise<number> {
  const [row] = await db.query<{ n: number }>('select count(*) as n from relearn.samples');
  return row?.n ?? -1;
}

test('when the spool is full, unsampled and healthy rows go first, and each is counted', () =>
  overflow({ spoolMb: 1 }));

test('when the disk is full, unsampled and healthy rows go first, and each is counted', async (t) => {
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]).then(
    () => true,
    () => false,
  );
  if (!mounted) return t.skip('only root may mount a small disk');
  try {
    await overflow({});
  } finally {
    await run('umount', [directory]);
  }
});

test('when the spool cannot be written at all, rows wait in memory', async () => {
  const file = join(directory, 'file');
  await appendFile(file, '');
  const writer = open({ spoolDirectory: join(file, 'spool') });
  const rows = mixed(30);
  for (const row of rows) void writer.push(row);
  await writer.flush();
  await writer.close();
  assert.deepEqual(await storedIds(), ids(rows));
});

test('with durable, a row is on the disk when push resolves, and in the database soon after', async () => {
  const away = open({ db: nowhere, durable: true });
  const rows = mixed(60);
  await Promise.all(rows.map(async (row) => away.push(row)));
  const lines = (await Promise.all((await spoolFiles()).map((path) => readFile(path, 'utf8')))).join('');
  assert.ok(rows.every(({ requestId }) => lines.includes(requestId)));
  await away.close();
  const back = open({ durable: true });
  const more = mixed(60);
  await Promise.all(more.map(async (row) => back.push(row)));
  await until(() => back.counts().written >= 120);
  await back.close();
  assert.deepEqual(await storedIds(), ids([...rows, ...more]));
  assert.deepEqual(await minutes(), { requests: 120, low: 40, kept: 80, dropped: 0 });
});

test('without a hot window rows that were not sampled are counted all the same', async () => {
  const writer = open({ hotWindowHours: 0 });
  for (const row of mixed(30)) void writer.push(row);
  await writer.flush();
  await writer.close();
  assert.deepEqual(await minutes(), { requests: 30, low: 10, kept: 20, dropped: 0 });
});
