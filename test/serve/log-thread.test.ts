import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { configSchema } from '../../src/config.ts';
import type { Database } from '../../src/database.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { newRequestId } from '../../src/log/request-id.ts';
import { findRow } from '../../src/log/rows.ts';
import type { RawAnswer } from '../../src/serve/log-answer.ts';
import { openLogThread, type LogThreadOptions } from '../../src/serve/log-thread.ts';
import { createTestDatabase } from '../stack.ts';
import { eventually } from '../until.ts';

async function open(
  t: TestContext,
  change: Partial<LogThreadOptions['log']> = {},
  more: Partial<LogThreadOptions> = {},
) {
  const database = await createTestDatabase();
  await ensureAhead(database.db, 2);
  const directory = await mkdtemp(join(tmpdir(), 'relearn-log-thread-'));
  const { log } = configSchema.parse({ models: { chat: { serve: { kind: 'onnx' } } } });
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const thread = openLogThread({
    ...{
      log: { ...log, flushMs: 20, ...change },
      databaseUrl: database.url,
      hashKey: 'key',
      spoolDirectory: directory,
    },
    ...{ logger: { info: note, warn: note, error: note }, ...more },
  });
  t.after(async () => {
    await thread.close();
    await database.close();
    await rm(directory, { recursive: true, force: true });
  });
  return { thread, db: database.db, lines };
}

function answer(content: string, more: Partial<RawAnswer> = {}): RawAnswer {
  return {
    served: { model: 'chat', version: 'v1', lowConfidenceBelow: -3, healthyRate: 1 },
    requestId: newRequestId(),
    ...{ ts: new Date(), incident: null, user: 'ann', source: 'production', latencyMs: 1, redacted: 'none' },
    flagged: false,
    messages: JSON.stringify({ messages: [{ role: 'user', content }] }),
    completion: JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'to bob@example.com' } }] }),
    ...more,
  };
}

test('what was asked and answered reaches the database redacted, and is counted', async (t) => {
  const { thread, db } = await open(t);
  const given = answer('mail ann@example.com');
  assert.equal(thread.add(given), undefined);
  void thread.add(answer('not answered', { completion: '{}' }));
  await thread.flush();
  const row = await findRow(db, given.requestId);
  assert.deepEqual([row?.prompt, row?.response, row?.keptBecause], ['mail [EMAIL]', 'to [EMAIL]', 'healthy']);
  assert.match(row?.userIdHash ?? '', /^[0-9a-f]{16}$/);
  const { written, dropped, queued } = thread.counts();
  assert.deepEqual([written, dropped, queued], [1, { unreadable: 1 }, 0]);
  assert.deepEqual(thread.tally(), { redactions: { EMAIL: 2 }, sampled: { healthy: 1 } });
});

test('redaction is done by the thread, not by the one that answers', async (t) => {
  const { thread, db } = await open(t);
  const hostile = answer('4111-'.repeat(200_000));
  let turns = 0;
  const turning = setInterval(() => (turns += 1), 1);
  void thread.add(hostile);
  await thread.flush();
  clearInterval(turning);
  assert.ok(turns > 1, 'this event loop went on');
  assert.notEqual(await findRow(db, hostile.requestId), null);
});

test('with durable an answer is held when its row is on the disk', async (t) => {
  const { thread } = await open(t, { durable: true });
  const adding = thread.add(answer('hello'));
  assert.ok(adding instanceof Promise);
  await adding;
  await thread.flush();
  assert.equal(thread.counts().written, 1);
});

test('when more waits than may, new answers are dropped and counted in their minute', async (t) => {
  const { thread, db } = await open(t, { maxQueuedRows: 3 });
  for (let n = 0; n < 5; n += 1) void thread.add(answer('hello'));
  await thread.flush();
  void thread.add(answer('the counts go with the next'));
  await thread.flush();
  assert.deepEqual(thread.counts().dropped, { queue_full_raw: 2 });
  const [minutes] = await db.query(`select sum(requests)::int as n, sum(dropped)::int as lost from relearn.minutes`);
  assert.deepEqual(minutes, { n: 6, lost: 2 });
});

/** As an endpoint answers that was asked for log-probabilities. */
const saying = (logprob: number) =>
  JSON.stringify({
    choices: [{ message: { role: 'assistant', content: 'hi' }, logprobs: { content: [{ token: 'hi', logprob }] } }],
  });

const countedMinutes = (db: Database) =>
  db.query(
    `select sum(requests)::int as n, sum(dropped)::int as lost, sum(low_confidence)::int as low, sum(kept)::int as kept
     from relearn.minutes`,
  );

test('when more waits than may, healthy answers go first; what goes of the others is counted as what it was', async (t) => {
  const { thread, db } = await open(t, { maxQueuedRows: 3 });
  for (let n = 0; n < 3; n += 1) void thread.add(answer('healthy', { completion: saying(-0.1) }));
  const low = answer('low', { completion: saying(-9) });
  const postDrift = answer('post drift', { incident: 'i1' });
  const lowToo = answer('low, too', {
    completion: { message: { role: 'assistant', content: 'hi' }, logprob: -9, cutOff: false },
  });
  for (const kept of [low, postDrift, lowToo]) void thread.add(kept);
  void thread.add(answer('low, but late', { completion: saying(-9) }));
  void thread.add(answer('healthy and late'));
  await thread.flush();
  assert.deepEqual(thread.counts().dropped, { queue_full_raw: 4, queue_full_raw_kept: 1 });
  for (const { requestId } of [low, postDrift, lowToo]) assert.notEqual(await findRow(db, requestId), null);
  void thread.add(answer('the counts go with the next'));
  await thread.flush();
  assert.deepEqual(await countedMinutes(db), [{ n: 9, lost: 5, low: 3, kept: 4 }]);
});

test('a row of low confidence that cannot be redacted is counted as such', async (t) => {
  const { log } = configSchema.parse({
    models: { chat: { serve: { kind: 'onnx' } } },
    log: { redaction: { chain: { url: 'http://127.0.0.1:1' } } },
  });
  const { thread, db } = await open(t, { redaction: log.redaction });
  void thread.add(answer('low', { completion: saying(-9) }));
  void thread.add(answer('healthy', { completion: saying(-0.1) }));
  await thread.flush();
  assert.deepEqual(thread.counts().dropped, { redaction_failed: 2 });
  await eventually(() => countedMinutes(db), [{ n: 2, lost: 2, low: 1, kept: 0 }]);
});

test('a thread that dies is started again, and what it held is counted as dropped', async (t) => {
  const dying = new URL(`data:text/javascript,import{parentPort}from'node:worker_threads';
    parentPort.on('message',(m)=>{if('answers'in m)process.exit(3)})`);
  const { thread, lines } = await open(t, {}, { entry: dying });
  for (let round = 1; round <= 2; round += 1) {
    void thread.add(answer('canary@example.com'));
    await thread.flush();
    while ((thread.counts().dropped['log_thread_died'] ?? 0) < round) await new Promise((soon) => setTimeout(soon, 10));
  }
  assert.equal(thread.counts().queued, 0);
  assert.ok(!lines.join().includes('canary'));
});
