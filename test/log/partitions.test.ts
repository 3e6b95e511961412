import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { dropExpiredCounts, dropExpiredPartitions, ensureAhead } from '../../src/log/partitions.ts';
import { insertRow } from '../rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { newUnsampledRow } from './new-row.ts';

let database: TestDatabase;
let db: Database;
const now = new Date('2026-05-10T12:30:00Z');

before(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterEach(async () => {
  await db.query('delete from relearn.incidents');
  await dropExpiredPartitions(db, { hotWindowHours: 0, retentionDays: 0, now: new Date('2999-01-01') });
});
after(() => database.close());

async function partitions(): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits
     where inhparent in ('relearn.samples'::regclass, 'relearn.recent'::regclass) order by 1`,
  );
  return rows.map(({ name }) => name.replace('relearn.', ''));
}

async function make(parent: 'samples' | 'recent', ...times: string[]): Promise<void> {
  await db.query('select relearn.ensure_partition($1, at) from unnest($2::timestamptz[]) at', [parent, times]);
}

async function openIncident(windowStart: string, collectingUntil: string | null, state = 'open'): Promise<void> {
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, collecting_until, state)
     values ('i1', 'mail', 'mail-1', 'gold', $1, $1, $2, $3)`,
    [windowStart, collectingUntil, state],
  );
}

test('only partitions wholly beyond their time are dropped', async () => {
  await make('recent', '2026-05-09T11:00:00Z', '2026-05-09T12:00:00Z', '2026-05-10T12:00:00Z');
  await make('samples', '2026-05-02T00:00:00Z', '2026-05-03T00:00:00Z', '2026-05-10T00:00:00Z');
  const dropped = await dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 7, now });
  assert.deepEqual(dropped, ['recent_2026050911', 'samples_20260502']);
  assert.deepEqual(await partitions(), [
    'recent_2026050912',
    'recent_2026051012',
    'samples_20260503',
    'samples_20260510',
  ]);
  assert.deepEqual(await dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 7, now }), []);
});

test('a day that the window of an open incident reaches into stays until it is closed', async () => {
  await make('samples', '2026-04-30T00:00:00Z', '2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z', '2026-05-03T00:00:00Z');
  await openIncident('2026-05-01T18:00:00Z', '2026-05-02T03:00:00Z', 'retraining');
  assert.deepEqual(await dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 1, now }), [
    'samples_20260430',
    'samples_20260503',
  ]);
  await db.query(`update relearn.incidents set state = 'closed'`);
  assert.deepEqual(await dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 1, now }), [
    'samples_20260501',
    'samples_20260502',
  ]);
});

test('while an incident collects, every day since its window stays', async () => {
  await make('samples', '2026-05-01T00:00:00Z', '2026-05-04T00:00:00Z');
  await openIncident('2026-05-01T18:00:00Z', null);
  assert.deepEqual(await dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 1, now }), []);
});

test('partitions are made from now to as far ahead as asked, however often', async () => {
  const [start] = await db.query<{ at: Date }>('select now() as at');
  await Promise.all([ensureAhead(db, 26), ensureAhead(db, 26)]);
  await ensureAhead(db, 26);
  const names = await partitions();
  const hours = names.filter((name) => name.startsWith('recent_')).length;
  assert.ok(hours === 27 || hours === 28, `${hours}: one more when an hour begins meanwhile`);
  assert.ok(names.filter((name) => name.startsWith('samples_')).length >= 2);
  const [uncovered] = await db.query<{ missing: boolean }>(
    `select to_regclass(to_char(($1::timestamptz + interval '26 hours') at time zone 'UTC', '"relearn.samples_"YYYYMMDD')) is null
       or to_regclass(to_char(($1::timestamptz + interval '26 hours') at time zone 'UTC', '"relearn.recent_"YYYYMMDDHH24')) is null
       as missing`,
    [start?.at],
  );
  assert.equal(uncovered?.missing, false);
});

test('an hour that an open incident has yet to pin stays in the hot window', async () => {
  await make('recent', '2026-05-09T08:00:00Z', '2026-05-09T11:00:00Z');
  await openIncident('2026-05-09T10:00:00Z', null);
  const drop = () => dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 7, now });
  await db.query(`update relearn.incidents set detected_at = '2026-05-09T12:00:00Z'`);
  assert.deepEqual(await drop(), ['recent_2026050908']);
  // Its workflow has run for longer than another hot window.
  await db.query(`update relearn.incidents set state = 'collecting'`);
  assert.deepEqual(await drop(), ['recent_2026050911']);
});

test('what is dropped is given back to the disk', async () => {
  const size = async () => {
    const [row] = await db.query<{ bytes: number }>(
      `select sum(pg_total_relation_size(c.oid))::bigint as bytes from pg_class c
       where relnamespace = 'relearn'::regnamespace and relkind = 'r'`,
    );
    return row?.bytes ?? 0;
  };
  await make('recent', '2026-05-09T08:00:00Z');
  const empty = await size();
  const ts = new Date('2026-05-09T08:30:00Z');
  await insertRows(
    db,
    Array.from({ length: 2000 }, () => newUnsampledRow({ ts, prompt: 'x'.repeat(500) })),
  );
  const full = await size();
  assert.ok(full > empty + 1_000_000);
  await dropExpiredPartitions(db, { hotWindowHours: 24, retentionDays: 7, now });
  assert.ok((await size()) <= empty);
});

test('counts go with retention, and ids of tallies after a week', async () => {
  await db.query(
    `insert into relearn.minutes (model, model_version, source, minute) select 'mail', 'v1', 'production', at
     from unnest($1::timestamptz[]) at`,
    [['2026-05-02T12:00:00Z', '2026-05-04T12:00:00Z']],
  );
  await db.query(
    `insert into relearn.tallies (id, at) select gen_random_uuid(), at from unnest($1::timestamptz[]) at`,
    [['2026-05-03T12:00:00Z', '2026-05-04T12:00:00Z']],
  );
  await dropExpiredCounts(db, { retentionDays: 7, now });
  assert.deepEqual(await db.query('select minute from relearn.minutes'), [
    { minute: new Date('2026-05-04T12:00:00Z') },
  ]);
  assert.deepEqual(await db.query('select at from relearn.tallies'), [{ at: new Date('2026-05-04T12:00:00Z') }]);
});

test('corrected rows outlive their day, the others of it go, and a day of corrected rows alone is left in peace', async () => {
  const own = await createTestDatabase();
  const { db } = own;
  try {
    const ts = new Date(Date.now() - 100 * 24 * 3_600_000);
    const corrected = await insertRow(db, { ts });
    await insertRow(db, { ts });
    await storeCorrections(db, [{ requestId: corrected, completion: 'right', operator: 'ann', source: 'api' }]);
    const age = { hotWindowHours: 24, retentionDays: 90, now: new Date() };
    const dropped = await dropExpiredPartitions(db, age);
    assert.equal(dropped.length, 1);
    const rows = await db.query<{ request_id: string }>(`select request_id from relearn.samples`);
    assert.deepEqual(rows, [{ request_id: corrected }]);
    assert.deepEqual(await dropExpiredPartitions(db, age), []);
  } finally {
    await own.close();
  }
});
