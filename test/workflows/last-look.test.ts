import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { getChampion, listServing } from '../../src/promote/registry.ts';
import { sendTrigger } from '../../src/retrain/send-trigger.ts';
import { workflowId, type RetrainFinished } from '../../src/temporal.ts';
import { examples, model, newTopics, startLoop, until, type Loop } from '../loop.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.rollout = { approval: false, canary: { shares: [0.2], stepMinutes: 0.3, maxLowConfidenceIncrease: 1 } };
  });
  await loop.startWorker();
});
after(() => loop.close());

/** Keeps looks from being taken until what it answers is called: they read this table. */
async function holdLooks(): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const ended = loop.database.db.transaction(async (tx) => {
      await tx.query(`lock table relearn.rollouts`);
      await new Promise<void>((release) => {
        resolve(async () => {
          release();
          await ended;
        });
      });
    });
    ended.catch(reject);
  });
}

/** Until a look, or the next hold, stands behind the one who holds the table. */
async function untilWaits(mode: 'AccessShareLock' | 'AccessExclusiveLock'): Promise<void> {
  await until(`a ${mode} is waited for`, async () => {
    const waiting = await loop.database.db.query(
      `select 1 from pg_locks where relation = 'relearn.rollouts'::regclass and mode = $1 and not granted`,
      [mode],
    );
    return waiting.length > 0;
  });
}

test('signal rollback takes the candidate back while the last look is taken', async () => {
  const truth = [...(await loop.send(examples(newTopics, 40, 90_000)))];
  await storeCorrections(
    loop.database.db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
  await sendTrigger(loop.client.workflow, model, { kind: 'manual', by: 'ann' });
  const retrain = loop.client.workflow.getHandle<() => Promise<RetrainFinished>>(workflowId.retrain(model));
  const run = loop.client.workflow.getHandle(workflowId.retrainRun(model, 1));
  await until('a challenger answers', async () => (await listServing(loop.database.db, [model])).length === 2);
  const looksBegun = async () => {
    const { events } = await run.fetchHistory();
    const names = events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
    return names?.filter((name) => name === 'judgeRollout').length;
  };
  let release = await holdLooks();
  for (;;) {
    await untilWaits('AccessShareLock');
    if ((await looksBegun()) === 5) break;
    const next = holdLooks();
    await untilWaits('AccessExclusiveLock');
    await release(); // lets one look through
    release = await next;
  }
  await run.signal('rollback', { by: 'bob', reason: 'odd answers' });
  await release();
  const outcome = await retrain.result();
  assert.deepEqual([outcome.status, outcome.reason], ['rolled_back', 'taken back by bob. odd answers']);
  assert.equal((await getChampion(loop.database.db, model)).version, 'v1');
});
