import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { deleteLeftovers } from '../../src/log/leftovers.ts';
import { dropExpiredPartitions } from '../../src/log/partitions.ts';
import { insertRow } from '../rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
let db: Database;
before(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterEach(() =>
  db.query(
    `truncate relearn.samples, relearn.recent, relearn.tags, relearn.tag_removals, relearn.pins, relearn.feedback,
       relearn.corrections, relearn.incidents, relearn.models cascade`,
  ),
);
after(() => database.close());

const hours = 3_600_000;
const daysAgo = (days: number) => new Date(Date.now() - days * 24 * hours);
const age = () => ({ hotWindowHours: 24, retentionDays: 7, now: new Date() });
const tables = ['feedback', 'pins', 'tag_removals', 'tags'];

/** A tag, a removed one, a pin and a comment of a request. */
async function sayOf(requestId: string, at: Date, incident = ''): Promise<string> {
  for (const insert of [
    `tags (request_id, tag, incident, model, source, created_at) values ($1, 'tone', $3, 'm', 'operator', $2)`,
    `tag_removals (request_id, tag, incident, model, source, added_at, removed_by, removed_at)
       values ($1, 'other', $3, 'm', 'operator', $2, 'ann', $2)`,
    `pins (request_id, reason, pinned_at) values ($1, 'tag:operator' || $3, $2)`,
    `feedback (id, request_id, model, kind, comment, created_at)
       values (gen_random_uuid(), $1, 'm', 'report', 'a comment' || $3, $2)`,
  ]) {
    await db.query(`insert into relearn.${insert}`, [requestId, at, incident]);
  }
  return requestId;
}

/** Tables that still speak of a request. */
async function saidOf(requestId: string): Promise<string[]> {
  const found: string[] = [];
  for (const table of tables) {
    const rows = await db.query(`select 1 from relearn.${table} where request_id = $1`, [requestId]);
    if (rows.length > 0) found.push(table);
  }
  return found;
}

test('what was said of a row goes a day after retention, when the row is gone, and not before', async () => {
  const gone = await sayOf('gone', daysAgo(8.1));
  const spooled = await sayOf('spooled', daysAgo(7.9));
  const sampled = await sayOf(await insertRow(db, { ts: daysAgo(9) }), daysAgo(9));
  const recent = await sayOf(await insertRow(db, { ts: daysAgo(9), table: 'recent' }), daysAgo(9));
  assert.deepEqual(await deleteLeftovers(db, age()), { tags: 1, tag_removals: 1, pins: 1, feedback: 1 });
  assert.deepEqual(await saidOf(gone), []);
  for (const id of [spooled, sampled, recent]) assert.deepEqual(await saidOf(id), tables);
  assert.deepEqual(await deleteLeftovers(db, age()), {});
});

test('a hot window that is longer than retention counts', async () => {
  await sayOf('hot', daysAgo(9));
  assert.deepEqual(await deleteLeftovers(db, { ...age(), hotWindowHours: 10 * 24 }), {});
});

test('what was said of corrected rows and of rows in a dataset stays, whatever its age', async () => {
  const ts = daysAgo(20);
  const corrected = await sayOf(await insertRow(db, { ts }), ts);
  const passing = await sayOf(await insertRow(db, { ts }), ts);
  await storeCorrections(db, [{ requestId: corrected, completion: 'right', operator: 'ann', source: 'api' }]);
  const learned = await sayOf('learned', ts);
  await db.query(`insert into relearn.models (name) values ('m')`);
  await db.query(`insert into relearn.datasets (id, model, path, rows, manifest) values ('d', 'm', '', 1, '{}')`);
  await db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split) values ('d', $1, 'c', 'train')`,
    [learned],
  );
  await dropExpiredPartitions(db, age());
  await deleteLeftovers(db, age());
  assert.deepEqual(await saidOf(passing), []);
  await db.query(`truncate relearn.samples`);
  await deleteLeftovers(db, age());
  for (const id of [corrected, learned]) assert.deepEqual(await saidOf(id), tables);
});

test('tags of an open incident stay until it is closed', async () => {
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state)
     values ('i1', 'm', 'v1', 'gold', $1, $1, 'retraining')`,
    [daysAgo(20)],
  );
  const id = await sayOf('drifted', daysAgo(20), 'i1');
  await deleteLeftovers(db, age());
  assert.deepEqual(await saidOf(id), ['tag_removals', 'tags']);
  await db.query(`update relearn.incidents set state = 'closed'`);
  await deleteLeftovers(db, age());
  assert.deepEqual(await saidOf(id), []);
});

test('many go in batches, and each is told', async () => {
  await db.query(
    `insert into relearn.tags (request_id, tag, model, source, created_at)
     select 'many-' || n, 'tone', 'm', 'operator', $1 from generate_series(1, 12000) n`,
    [daysAgo(20)],
  );
  const told: (number | undefined)[] = [];
  await deleteLeftovers(db, age(), ({ tags }) => told.push(tags));
  assert.deepEqual(told.slice(0, 3), [5000, 10_000, 12_000]);
  assert.deepEqual(await db.query(`select 1 from relearn.tags`), []);
});
