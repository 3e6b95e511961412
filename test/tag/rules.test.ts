import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configSchema } from '../../src/config.ts';
import { storeFeedback } from '../../src/log/feedback.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { removeTags } from '../../src/tag/remove-tags.ts';
import { applyRule } from '../../src/tag/rules.ts';
import { newRow } from '../log/new-row.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
  await ensureAhead(database.db, 1);
});
after(() => database.close());

const tagged = async (tag: string) =>
  (
    await database.db.query<{ request_id: string }>(`select request_id from relearn.tags where tag = $1 order by 1`, [
      tag,
    ])
  ).map((row) => row.request_id);

test('a rule tags the rows that meet all its conditions, once, and those that come later', async () => {
  const meets = newRow({ prompt: 'My REFUND is late', responseLogprob: -2 });
  const sure = newRow({ prompt: 'refund please', responseLogprob: -0.01 });
  const other = newRow({ prompt: 'hello', responseLogprob: -2 });
  await insertRows(database.db, [meets, sure, other]);
  const rule = { tag: 'refunds', prompt: '\\mrefund\\M', logprobBelow: -1 };
  assert.equal(await applyRule(database.db, meets.model, rule), 1);
  assert.equal(await applyRule(database.db, meets.model, rule), 0);
  const later = newRow({ prompt: 'a refund again', responseLogprob: -3 });
  await insertRows(database.db, [later]);
  assert.equal(await applyRule(database.db, meets.model, rule), 1);
  assert.deepEqual(await tagged('refunds'), [meets.requestId, later.requestId].sort());
});

test('a rule on feedback finds an old row when its feedback comes', async () => {
  const row = newRow({ ts: new Date(Date.now() - 2 * 3_600_000) });
  await database.db.query(`select relearn.ensure_partition('samples', $1)`, [row.ts]);
  await insertRows(database.db, [row]);
  const rule = { tag: 'asked-again', feedback: ['regenerate' as const] };
  assert.equal(await applyRule(database.db, row.model, rule), 0);
  await storeFeedback(database.db, { requestId: row.requestId, kind: 'regenerate', userIdHash: null });
  assert.equal(await applyRule(database.db, row.model, rule), 1);
});

test('what a person took off, a rule does not put back', async () => {
  const row = newRow({ prompt: 'zebra' });
  await insertRows(database.db, [row]);
  const rule = { tag: 'animals', prompt: 'zebra' };
  assert.equal(await applyRule(database.db, row.model, rule), 1);
  await removeTags(database.db, { tag: 'animals', requestIds: [row.requestId], actor: 'ann' });
  await database.db.query('truncate relearn.tag_rules');
  assert.equal(await applyRule(database.db, row.model, rule), 0);
});

test('a pattern that Postgres cannot read names its rule and changes nothing', async () => {
  await assert.rejects(applyRule(database.db, 'm', { tag: 'broken', prompt: '(' }), {
    code: 'invalid_config',
    message: /models\.m\.tags\.rules.*broken/,
  });
});

test('a rule without a condition, and one with a back reference, are refused when the configuration is read', () => {
  const read = (rule: object) =>
    configSchema.safeParse({ models: { m: { serve: { kind: 'onnx' }, tags: { rules: [rule] } } } }).success;
  assert.equal(read({ tag: 'a', prompt: 'x+' }), true);
  assert.equal(read({ tag: 'a' }), false);
  assert.equal(read({ tag: 'a', prompt: '(a)\\1' }), false);
});
