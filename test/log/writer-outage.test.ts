import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startPostgres, type EmbeddedPostgres } from '../../infra/embedded/postgres.ts';
import { migrate } from '../../infra/migrate.ts';
import { openDatabase, type DatabasePool } from '../../src/database.ts';
import type { LogRow } from '../../src/log/row.ts';
import { openLogWriter } from '../../src/log/writer.ts';
import { newRow, newUnsampledRow } from './new-row.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
let directory: string;
let postgres: EmbeddedPostgres;
const none = { files: 0, bytes: 0, rows: 0 };
let db: DatabasePool;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-outage-'));
  postgres = await startPostgres({ directory, unsafe: true });
  db = openDatabase(postgres.url);
  await migrate(db);
});
after(async () => {
  await db.close();
  await postgres.process.stop();
  await rm(directory, { recursive: true, force: true });
});

async function restartPostgres(): Promise<void> {
  postgres = await startPostgres({ directory, unsafe: true, port: Number(new URL(postgres.url).port) });
}

async function storedIds(): Promise<Set<string>> {
  const rows = await db.query<{ request_id: string }>(
    'select request_id from relearn.samples union all select request_id from relearn.recent',
  );
  return new Set(rows.map((row) => row.request_id));
}

test('rows pushed while Postgres is away are stored when it is back', async () => {
  const writer = openLogWriter({ db, logger: quiet, flushMs: 5, maxQueuedRows: 1_000_000, hotWindowHours: 24 });
  const pushed: LogRow[] = [];
  const pushSome = () => {
    for (let n = 0; n < 50; n += 1) {
      const row = n % 2 === 0 ? newRow() : newUnsampledRow();
      pushed.push(row);
      void writer.push(row);
    }
  };
  const pushing = setInterval(pushSome, 20);
  try {
    while (writer.counts().written === 0) await new Promise((resolve) => setImmediate(resolve));
    await postgres.process.stop();
    const before = pushed.length;
    while (pushed.length < before + 2000) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(writer.counts().queued > 0);
    await restartPostgres();
  } finally {
    clearInterval(pushing);
  }
  await writer.flush();
  await writer.close();
  const stored = await storedIds();
  assert.deepEqual(
    pushed.filter((row) => !stored.has(row.requestId)),
    [],
  );
  assert.deepEqual(writer.counts(), { written: pushed.length, dropped: {}, queued: 0, spooled: none });
});

test('when too many wait, rows that were not sampled go first, and each loss is counted', async () => {
  const writer = openLogWriter({ db, logger: quiet, flushMs: 60_000, maxQueuedRows: 100, hotWindowHours: 24 });
  const kept = Array.from({ length: 90 }, () => newRow());
  await postgres.process.stop();
  for (let n = 0; n < 60; n += 1) void writer.push(newUnsampledRow());
  for (const row of kept) void writer.push(row);
  for (let n = 0; n < 7; n += 1) void writer.push(newUnsampledRow());
  assert.deepEqual(writer.counts(), { written: 0, dropped: { queue_full_unsampled: 57 }, queued: 100, spooled: none });
  for (let n = 0; n < 15; n += 1) void writer.push(newRow());
  assert.deepEqual(writer.counts(), {
    written: 0,
    dropped: { queue_full_unsampled: 67, queue_full_healthy: 5 },
    queued: 100,
    spooled: none,
  });
  await restartPostgres();
  await writer.flush();
  await writer.close();
  const stored = await storedIds();
  assert.ok(kept.every((row) => stored.has(row.requestId)));
  assert.equal(writer.counts().written, 100);
});

test('closing while Postgres is away ends, and counts what is lost', async () => {
  const writer = openLogWriter({ db, logger: quiet, flushMs: 5, maxQueuedRows: 100, hotWindowHours: 24 });
  await postgres.process.stop();
  for (let n = 0; n < 30; n += 1) void writer.push(newRow());
  await writer.close();
  assert.deepEqual(writer.counts(), { written: 0, dropped: { not_written_at_close: 30 }, queued: 0, spooled: none });
  await restartPostgres();
});
