import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
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
