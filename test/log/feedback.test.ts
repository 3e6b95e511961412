import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Database } from '../../src/database.ts';
import { RelearnError } from '../../src/errors.ts';
import { feedbackKinds, storeFeedback } from '../../src/log/feedback.ts';
import { ensurePartitions, insertRows } from '../../src/log/insert-rows.ts';
import type { LogRow } from '../../src/log/row.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { findRow } from '../../src/log/rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { newUnsampledRow } from './new-row.ts';

let database: TestDatabase;
let db: Database;

before(async () => {
  database = await createTestDatabase();
  db = database.db;
  await ensureAhead(db, 2);
});
after(() => database.close());

async function logRow(change: Partial<LogRow> = {}): Promise<string> {
  const row = newUnsampledRow(change);
  await insertRows(db, [row]);
  return row.requestId;
}

const tagsOf = (requestId: string) =>
  db.query('select tag, source, incident, model from relearn.tags where request_id = $1', [requestId]);

for (const kind of feedbackKinds.filter((name) => name !== 'thumbs_up')) {
  test(`${kind} holds the row and tags it`, async () => {
    const requestId = await logRow();
    await storeFeedback(db, { requestId, kind, userIdHash: null });
    await storeFeedback(db, { requestId, kind, userIdHash: null });
    assert.equal((await findRow(db, requestId))?.kept, true);
    assert.deepEqual(await tagsOf(requestId), [{ tag: 'user_negative', source: 'user', incident: '', model: 'mail' }]);
  });
}

test('a thumbs-up is stored and holds nothing', async () => {
  const requestId = await logRow();
  const { id } = await storeFeedback(db, { requestId, kind: 'thumbs_up', userIdHash: '0123456789abcdef' });
  assert.equal((await findRow(db, requestId))?.kept, false);
  assert.deepEqual(await tagsOf(requestId), []);
  assert.deepEqual(await db.query('select kind, model, user_id_hash from relearn.feedback where id = $1', [id]), [
    { kind: 'thumbs_up', model: 'mail', user_id_hash: '0123456789abcdef' },
  ]);
});

test('a comment is stored redacted', async () => {
  const requestId = await logRow();
  const comment = 'wrong!\0 ask bob@x.com';
  const { id } = await storeFeedback(db, { requestId, kind: 'report', comment, userIdHash: null });
  assert.deepEqual(await db.query('select comment from relearn.feedback where id = $1', [id]), [
    { comment: 'wrong! ask [EMAIL]' },
  ]);
});

test('feedback on a probe is stored and tags nothing', async () => {
  const requestId = await logRow({ source: 'probe' });
  await storeFeedback(db, { requestId, kind: 'thumbs_down', userIdHash: null });
  assert.deepEqual(await tagsOf(requestId), []);
});

test('feedback on an unknown request is refused without repeating it', async () => {
  const feedback = { requestId: 'canary@x.com', kind: 'thumbs_down', comment: 'canary', userIdHash: null } as const;
  await assert.rejects(storeFeedback(db, feedback), (error) => {
    assert.ok(error instanceof RelearnError);
    assert.equal(error.code, 'request_not_found');
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
});

test('feedback with a request id that no id can be is refused too', async () => {
  await assert.rejects(storeFeedback(db, { requestId: 'a\0b', kind: 'report', userIdHash: null }), {
    code: 'request_not_found',
  });
});

test('a row that users are unhappy with is counted in its minute, once', async () => {
  const ts = new Date('2033-05-06T07:08:09Z');
  await ensurePartitions(db, [{ parent: 'recent', at: ts }]);
  const requestId = await logRow({ ts });
  for (const kind of ['thumbs_down', 'report', 'thumbs_up'] as const) {
    await storeFeedback(db, { requestId, kind, userIdHash: null });
  }
  assert.deepEqual(
    await db.query(`select negative, requests, model_version from relearn.minutes where minute = '2033-05-06T07:08Z'`),
    [{ negative: 1, requests: 0, model_version: 'mail-1' }],
  );
});
