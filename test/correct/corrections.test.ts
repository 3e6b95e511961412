import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { insertRow } from '../rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());

const correct = (requestId: string, completion: string, operator = 'ann') =>
  storeCorrections(database.db, [{ requestId, completion, operator, source: 'api' }]);

async function current(requestId: string): Promise<{ completion: string; equals_response: boolean } | undefined> {
  const rows = await database.db.query<{ completion: string; equals_response: boolean }>(
    `select completion, equals_response from relearn.current_corrections where request_id = $1`,
    [requestId],
  );
  return rows[0];
}

test('a correction is stored once, redacted, and the same said again is repeated', async () => {
  const row = await insertRow(database.db);
  const [first] = await correct(row, ' write to jane.doe@example.com ');
  const [second] = await correct(row, 'write to jane.doe@example.com');
  assert.equal(first?.status, 'stored');
  assert.equal(second?.status, 'repeated');
  assert.equal(second.id, first.id);
  assert.equal((await current(row))?.completion, 'write to [EMAIL]');
});

test('a step that runs again answers as it would have the first time, and other steps’ corrections are repeated', async () => {
  const rows = [await insertRow(database.db), await insertRow(database.db), await insertRow(database.db)];
  const given = rows.map((requestId) => ({ requestId, completion: 'so', operator: 'ann', source: 'update' as const }));
  await storeCorrections(database.db, given.slice(0, 1));
  await database.db.query(
    `update relearn.corrections set created_at = now() - interval '1 hour' where request_id = $1`,
    [rows[0]],
  );
  const since = new Date(Date.now() - 60_000);
  const [, second, third] = given;
  assert.ok(second !== undefined && third !== undefined);
  const batch = [...given, second];
  const first = await storeCorrections(database.db, [...given.slice(0, 2), second], {}); // died before the third
  assert.deepEqual(
    first.map(({ status }) => status),
    ['repeated', 'stored', 'repeated'],
  );
  const again = await storeCorrections(database.db, batch, { since });
  assert.deepEqual(
    again.map(({ status }) => status),
    ['repeated', 'stored', 'stored', 'repeated'],
  );
});

test('the last correction of a row wins and the earlier ones stay', async () => {
  const row = await insertRow(database.db);
  await correct(row, 'first');
  await correct(row, 'second', 'bob');
  assert.equal((await current(row))?.completion, 'second');
  const all = await database.db.query(`select 1 from relearn.corrections where request_id = $1`, [row]);
  assert.equal(all.length, 2);
});

test('a correction equal to the response is kept and marked', async () => {
  const row = await insertRow(database.db, { response: 'spam' });
  const [stored] = await correct(row, 'spam');
  assert.equal(stored?.status, 'stored');
  assert.equal((await current(row))?.equals_response, true);
});

test('a row that was only in recent is brought into samples and tagged operator_review', async () => {
  const row = await insertRow(database.db, { table: 'recent' });
  const [stored] = await correct(row, 'better');
  assert.equal(stored?.status, 'stored');
  const samples = await database.db.query(`select 1 from relearn.samples where request_id = $1`, [row]);
  const tags = await database.db.query(`select tag from relearn.tags where request_id = $1`, [row]);
  assert.equal(samples.length, 1);
  assert.deepEqual(tags, [{ tag: 'operator_review' }]);
});

test('a row that has a tag already gets no second one', async () => {
  const row = await insertRow(database.db);
  await database.db.query(
    `insert into relearn.tags (request_id, tag, model, source) values ($1, 'mine', 'm', 'operator')`,
    [row],
  );
  await correct(row, 'better');
  const tags = await database.db.query(`select tag from relearn.tags where request_id = $1`, [row]);
  assert.deepEqual(tags, [{ tag: 'mine' }]);
});

test('unknown requests, probes and empty completions are told apart, in order, and lose nothing of the rest', async () => {
  const good = await insertRow(database.db);
  const probe = await insertRow(database.db, { source: 'probe' });
  const results = await storeCorrections(
    database.db,
    ['no-such-request', good, probe].map((requestId) => ({ requestId, completion: 'x', operator: 'a', source: 'api' })),
  );
  const [empty] = await correct(good, '  \u0000 ');
  assert.deepEqual(
    results.map(({ status }) => status),
    ['unknown_request', 'stored', 'unknown_request'],
  );
  assert.equal(empty?.status, 'invalid');
});

test('a name or id that Postgres cannot hold is invalid and keeps nothing else from being stored', async () => {
  const row = await insertRow(database.db);
  const results = await storeCorrections(database.db, [
    { requestId: 'a\u0000b', completion: 'x', operator: 'ann', source: 'signal' },
    { requestId: row, completion: 'x', operator: 'a\u0000nn', source: 'signal' },
    { requestId: row, completion: 'x', operator: 'ann', source: 'signal' },
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['invalid', 'invalid', 'stored'],
  );
});

test('what an end user corrects is kept, and not learned before a reviewer has said the same', async () => {
  const row = await insertRow(database.db);
  await storeCorrections(database.db, [{ requestId: row, completion: 'mine', operator: 'a user', source: 'feedback' }]);
  assert.equal(await current(row), undefined);
  await correct(row, 'mine');
  assert.equal((await current(row))?.completion, 'mine');
});

test('twenty writers of the same corrections at once store each once', async () => {
  const rows = await Promise.all(Array.from({ length: 25 }, () => insertRow(database.db)));
  const batch = rows.map((requestId) => ({ requestId, completion: 'same', operator: 'ann', source: 'api' as const }));
  const results = await Promise.all(Array.from({ length: 20 }, () => storeCorrections(database.db, batch)));
  const stored = results.flat().filter(({ status }) => status === 'stored');
  assert.equal(stored.length, 25);
});

test('an operator who goes back to what they had said before has the last word again, however often it is sent', async () => {
  const row = await insertRow(database.db);
  await correct(row, 'first');
  await correct(row, 'second');
  const [back] = await correct(row, 'first');
  assert.equal(back?.status, 'stored');
  assert.equal((await current(row))?.completion, 'first');
  assert.equal((await correct(row, 'first'))[0]?.status, 'repeated');
  const all = await database.db.query(`select 1 from relearn.corrections where request_id = $1`, [row]);
  assert.equal(all.length, 2);
});

test('a batch in which an operator changes their mind may be stored twice with the same outcome', async () => {
  const row = await insertRow(database.db);
  const batch = ['a', 'b', 'a', 'c'].map((completion) => ({
    ...{ requestId: row, completion, operator: 'ann', source: 'update' as const },
  }));
  await storeCorrections(database.db, batch);
  const before = await database.db.query(`select id, seq from relearn.corrections where request_id = $1 order by seq`, [
    row,
  ]);
  await storeCorrections(database.db, batch);
  const after = await database.db.query(`select id, seq from relearn.corrections where request_id = $1 order by seq`, [
    row,
  ]);
  assert.deepEqual([before.length, after], [3, before]);
  assert.equal((await current(row))?.completion, 'c');
});

test('writers of the same corrections in opposite orders wait for no one for ever', async () => {
  const rows = await Promise.all(Array.from({ length: 60 }, () => insertRow(database.db)));
  const batch = rows.map((requestId) => ({ requestId, completion: 'x', operator: 'ann', source: 'api' as const }));
  const orders = [batch, batch.toReversed()];
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, n) => storeCorrections(database.db, orders[n % 2] ?? [])),
  );
  assert.equal(results.flat().filter(({ status }) => status === 'stored').length, 60);
});
