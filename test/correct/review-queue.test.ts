import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { countReviewQueue, listReviewQueue } from '../../src/correct/review-queue.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import type { LogRow } from '../../src/log/row.ts';
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
  await tagged('window', 'drift_window', 'open');
  await tagged('window unsure', 'drift_window', 'open', { keptBecause: 'low_confidence', inclusionProbability: 1 });
  await tagged('after', 'post_drift', 'open');
  await tagged('complaint', 'user_negative');
  await tagged('closed', 'drift_window', 'old');
  await tagged('operator', 'operator_review');
  await tagged('both', 'drift_window', 'old');
  await addTags(db, { tag: 'user_negative', requestIds: ['both'], source: 'user' });
  await tagged('other model', 'operator_review', '', { model: 'chat' });
  await tagged('untagged', null);
  await tagged('corrected', 'post_drift', 'open');
  await storeCorrections(db, [{ requestId: 'corrected', completion: 'spam', operator: 'ann', source: 'api' }]);
});
after(() => database.close());

const order = async (filter: { model?: string; incident?: string; limit?: number; offset?: number }) =>
  (await listReviewQueue(database.db, { limit: 100, offset: 0, ...filter })).map((row) => row.request_id);

const mail = ['after', 'window unsure', 'window', 'both', 'complaint', 'operator', 'closed'];

test('rows of open incidents come first, the telling ones before the rest; then complaints; then the others', async () => {
  assert.deepEqual(await order({ model: 'mail' }), mail);
  assert.equal(await countReviewQueue(database.db, { model: 'mail' }), mail.length);
});

test('an incident and a model narrow the queue', async () => {
  assert.deepEqual(await order({ incident: 'old' }), ['both', 'closed']);
  assert.deepEqual(await order({ model: 'chat' }), ['other model']);
  assert.equal(await countReviewQueue(database.db, {}), mail.length + 1);
});

test('pages follow one another', async () => {
  const pages = await Promise.all([0, 3, 6].map((offset) => order({ model: 'mail', limit: 3, offset })));
  assert.deepEqual(pages.flat(), mail);
});

test('a row shows all its tags and its incident', async () => {
  const rows = await listReviewQueue(database.db, { limit: 100, offset: 0 });
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
