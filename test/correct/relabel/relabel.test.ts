import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { storeCorrections } from '../../../src/correct/corrections.ts';
import { openStrongerModel } from '../../../src/correct/relabel/ask.ts';
import { relabelConfig } from '../../../src/correct/relabel/config.ts';
import { relabelQueue } from '../../../src/correct/relabel/relabel.ts';
import { RelearnError } from '../../../src/errors.ts';
import { insertRows } from '../../../src/log/insert-rows.ts';
import { ensureAhead } from '../../../src/log/partitions.ts';
import { addTags } from '../../../src/tag/tags.ts';
import { newRow } from '../../log/new-row.ts';
import { fakeCompletion, startFakeUpstream, type FakeReply, type Received } from '../../serve/fake-upstream.ts';
import { createTestDatabase, type TestDatabase } from '../../stack.ts';

let database: TestDatabase;
let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
const labels = ['ham', 'spam'];

before(async () => {
  database = await createTestDatabase();
  await ensureAhead(database.db, 1);
});
after(() => database.close());
beforeEach(async () => {
  upstream = await startFakeUpstream(answerAs('spam'));
  const { db } = database;
  await db.query(
    `truncate relearn.samples, relearn.tags, relearn.corrections, relearn.review_queue, relearn.proposals`,
  );
  const rows = Array.from({ length: 6 }, (_, place) =>
    newRow({ requestId: `r${place}`, prompt: `is number ${place} spam? ask [EMAIL]`, responseLogprob: -6 + place }),
  );
  await insertRows(db, rows);
  const requestIds = rows.map((row) => row.requestId);
  await addTags(db, { tag: 'operator_review', requestIds, source: 'operator' });
});
afterEach(() => upstream.close());

/** A fake of two paid services: the stronger model says `proposal`, the judge passes what `judge` says. */
function answerAs(proposal: string | ((received: Received) => string), judge = '{"pass":true}') {
  return (received: Received): FakeReply => {
    if (received.body.model === 'judge') return fakeCompletion(judge);
    return fakeCompletion(typeof proposal === 'string' ? proposal : proposal(received));
  };
}

async function relabel(change: { maxPerHour?: number; judge?: boolean } = {}) {
  const settings = relabelConfig.parse({
    ...{ url: upstream.url, model: 'big', apiKeyEnv: 'BIG_KEY' },
    ...(change.judge === false
      ? {}
      : { judge: { url: upstream.url, model: 'judge', apiKeyEnv: 'BIG_KEY', rubric: 'the label fits' } }),
  });
  const stronger = openStrongerModel(settings, { labels, secret: () => 'key' });
  try {
    return await relabelQueue(database.db, stronger, { model: 'mail', labels, maxPerHour: change.maxPerHour ?? 100 });
  } finally {
    await stronger.close();
  }
}
const corrections = () =>
  database.db.query<{ request_id: string; completion: string; operator: string; source: string }>(
    `select request_id, completion, operator, source from relearn.corrections order by request_id`,
  );
const proposals = () =>
  database.db.query<{ reason: string; correction_id: string | null }>(
    `select reason, correction_id from relearn.proposals order by request_id`,
  );

test('a proposal that two runs agree on and a judge passes is a correction whose source is recorded', async () => {
  assert.deepEqual(await relabel(), { proposed: 6, verified: 6, stopped: null });
  const [first, ...rest] = await corrections();
  assert.equal(rest.length, 5);
  assert.deepEqual(first, {
    ...{ request_id: 'r0', completion: 'spam', operator: 'stronger-model/big', source: 'stronger_model' },
  });
  const [proposal] = await proposals();
  assert.equal(proposal?.reason, 'two runs agreed and the judge passed it');
  assert.ok(proposal.correction_id);
  assert.equal(upstream.received.length, 18);
  assert.ok(upstream.received.every(({ headers }) => headers.authorization === 'Bearer key'));
  assert.match(upstream.received[0]?.raw ?? '', /exactly one of these labels.*ham.*spam/);
});

test('what is not verified is a suggestion, and nothing is asked twice', async () => {
  let turn = 0;
  upstream.become(answerAs(() => (turn++ % 2 === 0 ? 'spam' : 'ham')));
  assert.deepEqual(await relabel({ maxPerHour: 1 }), { proposed: 1, verified: 0, stopped: null });
  upstream.become(answerAs('spam', 'Yes. {"pass":true}'));
  assert.deepEqual(await relabel({ maxPerHour: 2 }), { proposed: 1, verified: 0, stopped: null });
  upstream.become(answerAs('eggs'));
  assert.deepEqual(await relabel({ maxPerHour: 3 }), { proposed: 1, verified: 0, stopped: null });
  upstream.become(answerAs('spam'));
  assert.deepEqual(await relabel({ maxPerHour: 4, judge: false }), { proposed: 1, verified: 0, stopped: null });
  assert.deepEqual(
    (await proposals()).map(({ reason }) => reason),
    ['two runs did not agree', 'the judge did not pass it', 'it is not a known label', 'there is no judge'],
  );
  assert.deepEqual(await corrections(), []);
});

test('the budget of an hour holds over several runs', async () => {
  assert.equal((await relabel({ maxPerHour: 4 })).proposed, 4);
  assert.equal((await relabel({ maxPerHour: 4 })).proposed, 0);
  await database.db.query(`update relearn.proposals set at = now() - interval '61 minutes'`);
  assert.equal((await relabel({ maxPerHour: 4 })).proposed, 2);
});

test('an endpoint that fails ends the run, and the next one goes on where it was', async () => {
  upstream.become((received) =>
    received.raw.includes('number 5') ? { status: 500, body: 'down' } : answerAs('spam')(received),
  );
  assert.deepEqual(await relabel(), { proposed: 5, verified: 5, stopped: 'upstream_failed' });
  upstream.become(answerAs('spam'));
  assert.deepEqual(await relabel(), { proposed: 1, verified: 1, stopped: null });
  assert.equal(upstream.received.length, 3);
});

test('a row that the endpoint refuses is noted, and the others go on', async () => {
  upstream.become((received) =>
    received.raw.includes('number 2') ? { status: 400, body: 'no' } : answerAs('spam')(received),
  );
  assert.deepEqual(await relabel(), { proposed: 6, verified: 5, stopped: null });
  assert.equal((await proposals())[2]?.reason, 'the endpoint refused the row');
});

test('a person who answered while the model was asked has the last word', async () => {
  let said = false;
  upstream.become((received) => {
    const after = said
      ? Promise.resolve()
      : storeCorrections(database.db, [{ requestId: 'r0', completion: 'ham', operator: 'ann', source: 'api' }]);
    said = true;
    return { ...fakeCompletion(received.body.model === 'judge' ? '{"pass":true}' : 'spam'), after };
  });
  assert.equal((await relabel({ maxPerHour: 1 })).verified, 0);
  assert.deepEqual(
    (await corrections()).map(({ operator }) => operator),
    ['ann'],
  );
});

test('what comes back is redacted, and a key that is not set is said at once', async () => {
  upstream.become(answerAs('write to canary.bird@example.com'));
  await relabel({ maxPerHour: 1 });
  const [stored] = await database.db.query<{ completion: string }>(`select completion from relearn.proposals`);
  assert.equal(stored?.completion, 'write to [EMAIL]');
  const settings = relabelConfig.parse({ url: upstream.url, model: 'big', apiKeyEnv: 'BIG_KEY' });
  assert.throws(
    () => openStrongerModel(settings, { labels: null, secret: () => undefined }),
    (error) => error instanceof RelearnError && error.code === 'invalid_config' && error.message.includes('BIG_KEY'),
  );
});
