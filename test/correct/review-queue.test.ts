import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { fillReviewQueue } from '../../src/correct/queue-fill.ts';
import { countReviewQueue, listReviewQueue } from '../../src/correct/review-queue.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import type { LogRow } from '../../src/log/row.ts';
import { removeTags } from '../../src/tag/remove-tags.ts';
import { addTags } from '../../src/tag/tags.ts';
import { newRow } from '../log/new-row.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

const start = Date.now();
let database: TestDatabase;
let minutes = 0;

/** Stores a row, each newer than the last, and tags it. */
async function tagged(requestId: string, tag: string | null, incident = '', change: Partial<LogRow> = {}) {
  minutes += 1;
  await insertRows(database.db, [newRow({ requestId, ts: new Date(start + minutes * 60_000), ...change })]);
  if (tag === null) return;
  const source = incident === '' ? 'operator' : 'drift';
  await addTags(database.db, { tag, requestIds: [requestId], source, ...(incident === '' ? {} : { incident }) });
}

before(async () => {
  database = await createTestDatabase();
  const { db } = database;
  await ensureAhead(db, 2);
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state)
     values ('open', 'mail', 'v1', 'gold', now(), now(), 'collecting'), ('old', 'mail', 'v1', 'gold', now(), now(), 'closed')`,
  );
  await tagged('window', 'drift_window', 'open', { responseLogprob: -0.5 });
  await tagged('window unsure', 'drift_window', 'open', { responseLogprob: -2 });
  await tagged('after', 'post_drift', 'open', { responseLogprob: -3 });
  await tagged('complaint', 'user_negative', '', { responseLogprob: -0.1 });
  await tagged('closed', 'drift_window', 'old', { responseLogprob: -4 });
  await tagged('operator', 'operator_review', '', { responseLogprob: null });
  await tagged('both', 'drift_window', 'old', { responseLogprob: -1 });
  await addTags(db, { tag: 'user_negative', requestIds: ['both'], source: 'user' });
  await tagged('other model', 'operator_review', '', { model: 'chat' });
  await tagged('untagged', null);
  await tagged('unsure', null, '', { keptBecause: 'low_confidence', responseLogprob: -0.7 });
  await tagged('probed', null, '', { keptBecause: 'low_confidence', source: 'probe' });
  await tagged('corrected', 'post_drift', 'open');
  await storeCorrections(db, [{ requestId: 'corrected', completion: 'spam', operator: 'ann', source: 'api' }]);
});
after(() => database.close());

const models = ['mail', 'chat'];

async function order({ limit = 100, offset = 0, ...filter }: Partial<Parameters<typeof listReviewQueue>[1]>) {
  await fillReviewQueue(database.db, { models });
  const rows = await listReviewQueue(database.db, { models, limit, offset, ...filter });
  return rows.map((row) => row.request_id);
}

const mail = ['after', 'window unsure', 'window', 'operator', 'closed', 'both', 'unsure', 'complaint'];

test('rows of the open incident come first, then the others, the least confident first', async () => {
  assert.deepEqual(await order({ models: ['mail'] }), mail);
  assert.equal(await countReviewQueue(database.db, { models: ['mail'] }), mail.length);
});

test('an incident, a tag and a model narrow the queue', async () => {
  assert.deepEqual(await order({ incident: 'old' }), ['closed', 'both']);
  assert.deepEqual(await order({ tag: 'user_negative' }), ['both', 'complaint']);
  assert.deepEqual(await order({ models: ['chat'] }), ['other model']);
  assert.equal(await countReviewQueue(database.db, { models }), mail.length + 1);
  assert.equal(await countReviewQueue(database.db, { models, incident: 'old' }), 2);
  assert.equal(await countReviewQueue(database.db, { models, tag: 'post_drift' }), 1);
});

test('pages follow one another', async () => {
  const pages = await Promise.all([0, 3, 6].map((offset) => order({ models: ['mail'], limit: 3, offset })));
  assert.deepEqual(pages.flat(), mail);
});

test('cards come before all other rows, by their rank, each with its near-duplicates', async () => {
  const { db } = database;
  await db.query(
    `insert into relearn.review_cards (model, request_id, card, rank, position)
     values ('mail', 'both', 'both', 1, 0), ('mail', 'complaint', 'complaint', 0, 0),
       ('mail', 'after', 'complaint', 0, 2), ('mail', 'closed', 'complaint', 0, 1)`,
  );
  const carded = ['complaint', 'closed', 'after', 'both', 'window unsure', 'window', 'operator', 'unsure'];
  assert.deepEqual(await order({ models: ['mail'] }), carded);
  await db.query(`truncate relearn.review_cards`);
});

test('a row shows all its tags and its incident', async () => {
  const rows = await listReviewQueue(database.db, { models, limit: 100, offset: 0 });
  const both = rows.find((row) => row.request_id === 'both');
  assert.deepEqual(
    [both?.tags, both?.incident, both?.prompt],
    [['drift_window', 'user_negative'], 'old', 'is this spam?'],
  );
  assert.equal(rows.find((row) => row.request_id === 'operator')?.incident, null);
});

test('what an unverified source corrected still waits for a person', async () => {
  await storeCorrections(database.db, [{ requestId: 'operator', completion: 'spam', operator: 'big', source: 'api' }]);
  assert.ok(!(await order({})).includes('operator'));
  await database.db.query(`update relearn.corrections set verified = false where request_id = 'operator'`);
  assert.ok((await order({})).includes('operator'));
});

test('what was said first comes in when it is filled later, and what was stored meanwhile by another way goes', async () => {
  const { db } = database;
  const since = new Date();
  await tagged('late', 'operator_review');
  await fillReviewQueue(db, { models, since });
  const ids = (await listReviewQueue(db, { models, limit: 100, offset: 0 })).map((row) => row.request_id);
  assert.ok(ids.includes('late'));
  await storeCorrections(db, [{ requestId: 'late', completion: 'spam', operator: 'ann', source: 'cli' }]);
  const before = await countReviewQueue(db, { models });
  await fillReviewQueue(db, { models, since });
  assert.equal(await countReviewQueue(db, { models }), before - 1);
});

test('a row that retention took leaves the queue', async () => {
  await tagged('old row', 'operator_review');
  assert.ok((await order({})).includes('old row'));
  const before = await countReviewQueue(database.db, { models });
  await database.db.query(`delete from relearn.samples where request_id = 'old row'`);
  assert.ok(!(await order({})).includes('old row'));
  assert.equal(await countReviewQueue(database.db, { models }), before - 1);
});

test('a row whose last tag is taken off leaves the queue; one of low confidence stays, and an incident’s tag moves it', async () => {
  const { db } = database;
  await tagged('only tag', 'operator_review');
  await tagged('unsure too', 'operator_review', '', { keptBecause: 'low_confidence' });
  await tagged('two incidents', 'drift_window', 'old');
  await addTags(db, { tag: 'post_drift', requestIds: ['two incidents'], source: 'drift', incident: 'open' });
  await tagged('in hand', 'operator_review');
  const named = ['only tag', 'unsure too', 'two incidents', 'in hand'];
  const inQueue = async () => (await order({})).filter((id) => named.includes(id)).sort();
  assert.deepEqual(await inQueue(), [...named].sort());
  await db.query(`update relearn.review_queue set lease = gen_random_uuid(), leased_by = 'ann',
    leased_until = now() + interval '1 hour' where request_id = 'in hand'`);

  const since = new Date();
  for (const tag of ['operator_review', 'post_drift']) await removeTags(db, { tag, requestIds: named, actor: 'ann' });
  await fillReviewQueue(db, { models, since });
  const rows = await listReviewQueue(db, { models, limit: 100, offset: 0 });
  const left = rows.filter((row) => named.includes(row.request_id));
  assert.deepEqual(Object.fromEntries(left.map((row) => [row.request_id, row.incident])), {
    'two incidents': 'old',
    'unsure too': null,
    'in hand': null,
  });
  await db.query(`update relearn.review_queue set leased_until = now() where request_id = 'in hand'`);
  assert.deepEqual(await inQueue(), ['two incidents', 'unsure too']);
});
