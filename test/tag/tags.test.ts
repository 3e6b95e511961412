import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeFeedback } from '../../src/log/feedback.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { countTags, removeTags, tagHistory } from '../../src/tag/remove-tags.ts';
import { addTags } from '../../src/tag/tags.ts';
import { newRow, newUnsampledRow } from '../log/new-row.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
  await ensureAhead(database.db, 1);
});
after(() => database.close());

async function tagsOf(requestId: string) {
  return database.db.query<{ tag: string; incident: string; source: string; actor: string | null }>(
    `select tag, incident, source, actor from relearn.tags where request_id = $1 order by tag`,
    [requestId],
  );
}

test('a row is tagged once, whoever asks again', async () => {
  const row = newRow();
  await insertRows(database.db, [row]);
  const request = { tag: 'wrong-team', requestIds: [row.requestId, row.requestId], source: 'operator' as const };
  for (const actor of ['ann', 'bob']) {
    const outcome = await addTags(database.db, { ...request, actor });
    assert.deepEqual(outcome, { tagged: [row.requestId], unknown: [] });
  }
  assert.deepEqual(await tagsOf(row.requestId), [
    { tag: 'wrong-team', incident: '', source: 'operator', actor: 'ann' },
  ]);
});

test('a row that was not sampled is brought into samples with its tag', async () => {
  const row = newUnsampledRow();
  await insertRows(database.db, [row]);
  await addTags(database.db, { tag: 'wrong-team', requestIds: [row.requestId], source: 'operator' });
  const [logged] = await database.db.query(`select tags from relearn.log where request_id = $1`, [row.requestId]);
  assert.deepEqual(logged, { tags: ['wrong-team'] });
});

test('unknown ids are named, and rows of probes are not tagged', async () => {
  const probe = newRow({ source: 'probe' });
  const row = newRow();
  await insertRows(database.db, [probe, row]);
  const outcome = await addTags(database.db, {
    tag: 'drift_window',
    requestIds: ['nobody', row.requestId, probe.requestId],
    source: 'drift',
    incident: 'i1',
  });
  assert.deepEqual(outcome, { tagged: [row.requestId], unknown: ['nobody', probe.requestId] });
  assert.deepEqual(await tagsOf(probe.requestId), []);
  assert.deepEqual(await tagsOf(row.requestId), [
    { tag: 'drift_window', incident: 'i1', source: 'drift', actor: null },
  ]);
});

test('a tag is stored redacted', async () => {
  const row = newRow();
  await insertRows(database.db, [row]);
  await addTags(database.db, { tag: 'ask ann@example.com', requestIds: [row.requestId], source: 'operator' });
  assert.equal((await tagsOf(row.requestId))[0]?.tag, 'ask [EMAIL]');
});

test('a tag that is taken off stays on record, and a person can put it back', async () => {
  const row = newRow({ model: 'history' });
  await insertRows(database.db, [row]);
  const requestIds = [row.requestId];
  await addTags(database.db, { tag: 'tone', requestIds, source: 'operator', actor: 'ann' });
  const removal = { tag: 'tone', requestIds: [...requestIds, 'nobody'], actor: 'bob', reason: 'ask ann@example.com' };
  assert.deepEqual(await removeTags(database.db, removal), requestIds);
  assert.deepEqual(await removeTags(database.db, removal), []);
  assert.deepEqual(await tagsOf(row.requestId), []);
  await addTags(database.db, { tag: 'tone', requestIds, source: 'operator', actor: 'cid' });
  assert.deepEqual(
    (await tagHistory(database.db, row.requestId)).map(({ change, actor }) => `${change} ${actor}`),
    ['added ann', 'removed bob', 'added cid'],
  );
  assert.deepEqual(await countTags(database.db, 'history'), [{ tag: 'tone', rows: 1 }]);
  const [stored] = await database.db.query(`select reason from relearn.tag_removals`);
  assert.deepEqual(stored, { reason: 'ask [EMAIL]' });
});

test('a complaint does not put back user_negative after a person took it off', async () => {
  const row = newRow();
  await insertRows(database.db, [row]);
  const complain = () => storeFeedback(database.db, { requestId: row.requestId, kind: 'report', userIdHash: null });
  await complain();
  assert.equal((await tagsOf(row.requestId)).length, 1);
  await removeTags(database.db, { tag: 'user_negative', requestIds: [row.requestId], actor: 'ann' });
  await complain();
  assert.deepEqual(await tagsOf(row.requestId), []);
});
