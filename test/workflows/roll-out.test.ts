import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { storeFeedback } from '../../src/log/feedback.ts';
import { getChampion, listServing } from '../../src/promote/registry.ts';
import { taskQueue, workflowId, type RetrainFinished } from '../../src/temporal.ts';
import { examples, model, newTopics, startLoop, textOf, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.rollout = { approval: false, canary: { shares: [0.2, 0.5], stepMinutes: 0.3, maxLowConfidenceIncrease: 1 } };
  });
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

/** Corrects rows and asks for a retrain. */
async function correctAndRetrain(from: number) {
  const truth = [...(await loop.send(examples(newTopics, 40, from)))];
  await storeCorrections(
    loop.database.db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
  return askForRetrain();
}

async function askForRetrain() {
  const retrain = await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'ann' }] },
  });
  const finished = async () => (await retrain.result()) as RetrainFinished;
  return { retrain, finished };
}

/**
 * A retrain on rows that no run has learned from yet; waits until its candidate answers a share. The world's texts are few:
 * the fifth batch holds only copies of earlier ones, and a run on it ends as `nothing_new`.
 */
async function beginRollOut(from: number, run: number) {
  const { retrain, finished } = await correctAndRetrain(from);
  await until('a challenger answers', async () => {
    if ((await serving()).length === 2) return true;
    const { status } = await retrain.describe();
    assert.equal(status.name, 'RUNNING', 'the retrain ended without a challenger');
    return false;
  });
  await loop.champions.refresh();
  return { run: loop.client.workflow.getHandle(workflowId.retrainRun(model, run)), finished };
}

async function serving() {
  return (await listServing(loop.database.db, [model])).map(({ alias, version, share }) => ({ alias, version, share }));
}

const champion = async () => (await getChampion(loop.database.db, model)).version;

/** Asks as each user and answers which version replied to whom, with the request ids. */
async function askAs(users: readonly string[]) {
  const replies = new Map<string, { version: string; requestId: string }>();
  for (const user of users) {
    const messages = [{ role: 'user', content: textOf('weather', 500) }];
    const { version, requestId } = await loop.answerer.answer({ model, messages, user, source: 'production' });
    replies.set(user, { version, requestId });
  }
  await loop.log.flush();
  return replies;
}

const users = Array.from({ length: 200 }, (_, index) => `user ${index}`);

test('a candidate answers growing shares, to the same users, and is champion in the end', async () => {
  const { finished } = await beginRollOut(90_000, 1);
  const some = users.slice(0, 60); // all of them within the first step
  const first = await askAs(some);
  const again = await askAs(some);
  // On a slow machine the share may have grown meanwhile: it never loses a user.
  for (const [user, { version }] of first) if (version === 'v2') assert.equal(again.get(user)?.version, 'v2');
  assert.deepEqual(new Set([...first.values()].map(({ version }) => version)), new Set(['v1', 'v2']));
  assert.equal(await champion(), 'v1');
  await until('the share grows', async () => (await serving()).some(({ share }) => share === 0.5));
  const outcome = await finished();
  assert.equal(outcome.status, 'promoted');
  assert.deepEqual(await serving(), [{ alias: 'champion', version: 'v2', share: 1 }]);
});

test('signal rollback takes the candidate from the traffic, and the same data is not tried again', async () => {
  const { run, finished } = await beginRollOut(100_000, 2);
  await run.signal('rollback', { by: 'bob', reason: 'odd answers' });
  const outcome = await finished();
  assert.deepEqual([outcome.status, outcome.reason], ['rolled_back', 'taken back by bob. odd answers']);
  assert.deepEqual(await serving(), [{ alias: 'champion', version: 'v2', share: 1 }]);
  const { status, reason } = await (await askForRetrain()).finished();
  assert.equal(status, 'nothing_new');
  assert.match(reason ?? '', /^run \d+ was made from this very data \(rolled_back\)/);
});

test('a rollback by its workflow ends the rollout and leaves the champion', async () => {
  const { finished } = await beginRollOut(110_000, 4);
  await loop.client.workflow.execute('rollback', {
    ...{ workflowId: workflowId.rollback(model), taskQueue, args: [{ model, by: 'eve', reason: 'complaints' }] },
  });
  assert.deepEqual(await serving(), [{ alias: 'champion', version: 'v2', share: 1 }]);
  const outcome = await finished();
  assert.deepEqual([outcome.status, outcome.reason], ['rolled_back', 'complaints']);
});

test('a candidate of which users complain is taken back by itself', async () => {
  const { canary } = loop.config.models[model]?.rollout ?? {};
  assert.ok(canary !== undefined);
  canary.stepMinutes = 1; // for all these answers and complaints
  const { finished } = await beginRollOut(120_000, 5);
  const replies = await askAs([...users, ...users.map((user) => `other ${user}`)]);
  const challenger = (await serving()).find(({ alias }) => alias === 'challenger')?.version;
  const complaints = [...replies.values()].filter(({ version }) => version === challenger);
  await Promise.all(
    complaints.map(({ requestId }) =>
      storeFeedback(loop.database.db, { requestId, kind: 'thumbs_down', userIdHash: null }),
    ),
  );
  const outcome = await finished();
  assert.equal(outcome.status, 'rolled_back');
  assert.match(outcome.reason ?? '', /^complaints [\d.]+ % of \d+, champion 0\.0 %/);
  assert.equal(await champion(), 'v2');
});

test('corrections that only repeat others are not learned anew, and the reason says how many there are', async () => {
  const { status, reason } = await (await correctAndRetrain(130_000)).finished();
  assert.equal(status, 'nothing_new');
  assert.match(reason ?? '', /^run 5 was made from this very data .*; corrected rows that repeat others .*: \d+$/);
});
