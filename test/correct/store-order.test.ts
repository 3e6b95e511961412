import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { readReviewable, storeOrder } from '../../src/correct/store-order.ts';
import { removeTags } from '../../src/tag/remove-tags.ts';
import { addTags } from '../../src/tag/tags.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { insertRows, rowsFrom } from '../watch/rows.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
  const now = new Date(Date.now() - 60_000);
  await insertRows(database.db, 'samples', [
    ...rowsFrom('unsure', now, 6, 1, { keptBecause: 'low_confidence', logprob: -3 }),
    ...rowsFrom('window', now, 2, 1, { keptBecause: 'drift_window' }),
    ...rowsFrom('healthy', now, 2, 1),
    ...rowsFrom('other', now, 1, 1, { keptBecause: 'low_confidence', model: 'chat' }),
    ...rowsFrom('probe', now, 1, 1, { keptBecause: 'low_confidence', source: 'probe' }),
  ]);
  await addTags(database.db, { tag: 'drift_window', requestIds: ['window-0', 'window-1'], source: 'drift' });
});
after(() => database.close());

const read = () => readReviewable(database.db, { model: 'mail', limit: 100 });
const answer = (requestIds: string[]) =>
  storeCorrections(
    database.db,
    requestIds.map((requestId) => ({ requestId, completion: 'right', operator: 'ann', source: 'api' as const })),
  );

test('unsure and tagged production rows of the model wait, risky or not; healthy ones nobody tagged do not', async () => {
  const rows = await read();
  assert.deepEqual(
    rows.map(({ requestId, risky, waits }) => [requestId, risky, waits]),
    [
      ...Array.from({ length: 6 }, (_, n) => [`unsure-${n}`, true, true]),
      ['window-0', false, true],
      ['window-1', false, true],
    ],
  );
  const least = await readReviewable(database.db, { model: 'mail', limit: 6 });
  assert.ok(
    least.every(({ risky }) => risky),
    'the risky ones are taken first',
  );
});

test('an order is replaced whole, and storing it twice changes nothing', async () => {
  const rows = await read();
  const cards = [
    { cluster: 3, rows: [2, 0, 1], centrality: 1 },
    { cluster: 4, rows: [5], centrality: 1 },
  ];
  for (let turn = 0; turn < 2; turn += 1) await storeOrder(database.db, 'mail', rows, cards);
  const stored = await database.db.query<Record<string, string | number>>(
    `select request_id, card, cluster, rank, position from relearn.review_cards order by rank, position`,
  );
  assert.deepEqual(
    stored.map((line) => Object.values(line)),
    [
      ['unsure-2', 'unsure-2', 3, 0, 0],
      ['unsure-0', 'unsure-2', 3, 0, 1],
      ['unsure-1', 'unsure-2', 3, 0, 2],
      ['unsure-5', 'unsure-5', 4, 1, 0],
    ],
  );
});

test('a card of which only the first row was answered was declined; one answered as a whole was not', async () => {
  const declinedOf = async () => Object.fromEntries((await read()).map((row) => [row.requestId, row.declined]));
  await answer(['unsure-2']);
  const once = await declinedOf();
  assert.deepEqual([once['unsure-0'], once['unsure-1'], once['unsure-5']], [1, 1, 0]);
  const rows = await read();
  assert.equal(rows.find(({ requestId }) => requestId === 'unsure-2')?.waits, false);
  const place = (id: string) => rows.findIndex(({ requestId }) => requestId === id);
  await storeOrder(database.db, 'mail', rows, [
    { cluster: 1, rows: [place('unsure-0'), place('unsure-1'), place('unsure-5')], centrality: 1 },
  ]);
  assert.equal((await declinedOf())['unsure-0'], 1, 'it is remembered');
  await answer(['unsure-0', 'unsure-1']);
  assert.equal((await declinedOf())['unsure-5'], 0, 'most of the card was answered');
});

test('what a reviewer removed, and what lost its tag, is in no order', async () => {
  const { db } = database;
  await db.query(
    `insert into relearn.review_queue (request_id, model, ts, confidence, removed_by, removed_at)
     select request_id, model, ts, 0, 'ann', now() from relearn.samples where request_id = 'unsure-3'`,
  );
  await removeTags(db, { tag: 'drift_window', requestIds: ['window-1'], actor: 'ann' });
  const waiting = (await read()).filter(({ waits }) => waits).map(({ requestId }) => requestId);
  assert.deepEqual(waiting, ['unsure-4', 'unsure-5', 'window-0']);
});
