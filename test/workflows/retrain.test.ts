import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { findJudgement } from '../../src/gate/judgements.ts';
import { getChampion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId, type RetrainFinished, type RetrainTrigger } from '../../src/temporal.ts';
import { examples, model, newTopics, startLoop, textOf, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.retrain['clusters'] = [{ tag: 'operator_review', minCorrected: 15 }];
    settings.models['gateless'] = { ...topics, evals: { ...topics.evals, gates: [] } };
    settings.models['approved'] = { ...topics, rollout: { approval: true } };
  });
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

async function trigger(name: string, sent: RetrainTrigger): Promise<RetrainFinished> {
  const handle = await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(name), taskQueue, args: [{ model: name }] },
    ...{ signal: 'trigger', signalArgs: [sent] },
  });
  return (await handle.result()) as RetrainFinished;
}

/** Rows of new topics: two texts each, so that few are copies of earlier ones. */
function longRows(count: number, from: number) {
  return examples(newTopics, count, from).map(({ prompt, completion }, place) => ({
    prompt: `${prompt} ${textOf(completion, from + 1000 + 3 * place)}`,
    completion,
  }));
}

/** Production rows of new topics, answered wrong and corrected. */
async function correctSome(count: number, from: number) {
  const truth = [...(await loop.send(longRows(count, from)))];
  await storeCorrections(
    loop.database.db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
}

const champion = async () => (await getChampion(loop.database.db, model)).version;

async function runs(name: string) {
  return loop.database.db.query<{ n: number; state: string; triggers: RetrainTrigger[] }>(
    `select n, state, triggers from relearn.retrain_runs where model = $1 order by n`,
    [name],
  );
}

async function storedReason(run: number): Promise<string | undefined> {
  const [found] = await loop.database.db.query<{ reason: string }>(
    `select reason from relearn.retrain_runs where model = 'approved' and n = $1`,
    [run],
  );
  return found?.reason;
}

async function audited(action: string) {
  const [line] = await loop.database.db.query<{ actor: string; subject: string; details: object }>(
    `select actor, subject, details from relearn.audit where model = 'approved' and action = $1`,
    [action],
  );
  return line;
}

test('without a correction a retrain ends as nothing_new and trains nothing', async () => {
  const outcome = await trigger(model, { kind: 'manual', by: 'ann' });
  assert.equal(outcome.status, 'nothing_new');
  assert.equal(await champion(), 'v1');
});

test('gates that are not set stop a retrain before training', async () => {
  const { db } = loop.database;
  await db.query(`insert into relearn.models (name) values ('gateless')`);
  await db.query(
    `insert into relearn.versions (model, version, n, kind, artifact)
     select 'gateless', version, n, kind, artifact from relearn.versions where model = $1`,
    [model],
  );
  await db.query(`insert into relearn.aliases (model, alias, version) values ('gateless', 'champion', 'v1')`);
  const outcome = await trigger('gateless', { kind: 'cadence' });
  assert.equal(outcome.status, 'no_gates');
  assert.match(outcome.reason ?? '', /models\.gateless\.evals\.gates/);
});

test('corrections that poison the model are refused, and the same data is not tried again', async () => {
  const { db } = loop.database;
  const truth = await loop.send(
    Array.from({ length: 300 }, (_, index) => ({
      prompt: `${textOf('weather', 80_000 + index)} ${textOf('weather', 81_000 + 3 * index)}`,
      completion: 'banking',
    })),
  );
  const poison = [...truth].map(([requestId, completion]) => ({ requestId, completion, operator: 'mallory' }));
  await storeCorrections(
    db,
    poison.map((correction) => ({ ...correction, source: 'api' })),
  );
  const outcome = await trigger(model, { kind: 'manual', by: 'mallory' });
  assert.equal(outcome.status, 'refused');
  assert.match(outcome.reason ?? '', /pass/);
  assert.equal(await champion(), 'v1');
  const [certificate] = await db.query<{ passed: boolean }>(
    `select passed from relearn.certificates where model = $1 and version = 'v2'`,
    [model],
  );
  assert.equal(certificate?.passed, false);
  assert.equal((await trigger(model, { kind: 'manual', by: 'mallory' })).status, 'nothing_new');
  await db.query(`delete from relearn.corrections`);
});

test('a tag that reaches its count of corrected rows triggers one retrain', async () => {
  await correctSome(40, 90_000);
  const watch = () =>
    loop.client.workflow.execute<(input: { model: string }) => Promise<{ status: string }>>('clusterWatch', {
      ...{ workflowId: `cluster-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
    });
  assert.equal((await watch()).status, 'triggered');
  const outcome = (await loop.client.workflow.getHandle(workflowId.retrain(model)).result()) as RetrainFinished;
  assert.equal(outcome.status, 'promoted');
  assert.equal(await champion(), outcome.version);
  assert.equal((await watch()).status, 'quiet');
});

test('triggers that arrive while a run is under way are joined into the next one, and none is lost', async () => {
  await correctSome(30, 100_000);
  const earlier = (await runs(model)).length;
  await Promise.all(
    Array.from({ length: 40 }, (_, index) => trigger(model, { kind: 'manual', by: `person ${index}` })),
  );
  const later = (await runs(model)).slice(earlier);
  const answered = later.flatMap(({ triggers }) => triggers.map(({ by }) => by));
  assert.equal(new Set(answered).size, 40);
  assert.equal(answered.length, 40);
  assert.ok(later.length < 10, `${later.length} runs for 40 triggers`);
  assert.equal(later.filter(({ state }) => state === 'promoted').length, 1);
});

test('the cadence asks through requestRetrain', async () => {
  const earlier = (await runs(model)).length;
  await loop.client.workflow.execute('requestRetrain', {
    ...{ workflowId: `retrain-cadence/${randomUUID()}`, taskQueue, args: [{ model }] },
  });
  await until('the run is there', async () => (await runs(model)).length > earlier);
  assert.deepEqual((await runs(model)).at(-1)?.triggers, [{ kind: 'cadence' }]);
});

test('a run that asks for approval promotes only when a person approves, and their reason is kept', async () => {
  const { db } = loop.database;
  await db.query(`insert into relearn.models (name) values ('approved')`);
  await db.query(
    `insert into relearn.versions (model, version, n, kind, artifact)
     select 'approved', 'v1', 1, kind, artifact from relearn.versions where model = $1 and version = 'v1'`,
    [model],
  );
  await db.query(`insert into relearn.aliases (model, alias, version) values ('approved', 'champion', 'v1')`);
  await db.query(`update relearn.samples set model = 'approved' where model = $1 and source = 'production'`, [model]);
  await db.query(`update relearn.corrections set model = 'approved'`);

  const finished = trigger('approved', { kind: 'manual', by: 'ann' });
  const run = loop.client.workflow.getHandle(workflowId.retrainRun('approved', 1));
  await assert.rejects(run.executeUpdate('approve', { args: [{ by: 'bob' }] }), 'nothing to approve yet');
  await until('it waits', async () => {
    const state = await run.query<{ phase: string }>('state').catch(() => undefined);
    return state?.phase === 'approve';
  });
  assert.equal((await getChampion(db, 'approved')).version, 'v1');
  const judged = await findJudgement(db, 'approved', 'v2');
  assert.deepEqual([judged?.champion, judged?.verdict.verdict], ['v1', 'pass']);
  for (const nobody of [null, 'yes', [], {}, { by: 'bob' }, { by: 'bob', reason: ' ' }, { by: 7, reason: 'right' }]) {
    await assert.rejects(run.executeUpdate('approve', { args: [nobody] }), WorkflowUpdateFailedError);
  }
  await run.executeUpdate('approve', { args: [{ by: 'bob', reason: 'right, says eve@example.com' }] });
  const outcome = await finished;
  assert.equal(outcome.status, 'promoted');
  const [deployment] = await db.query<{ actor: string; approved: string; reason: string }>(
    `select d.actor, c.content->>'approvedBy' as approved, d.reason
     from relearn.deployments d join relearn.certificates c on c.id = d.certificate
     where d.model = 'approved'`,
  );
  const reason = 'retrain run 1: right, says [EMAIL]';
  assert.deepEqual(deployment, { actor: 'bob', approved: 'bob', reason });
  assert.match((await storedReason(1)) ?? '', /; approved by bob\. right, says \[EMAIL\]$/);
  assert.deepEqual(await audited('promote'), { actor: 'bob', subject: 'v2', details: { previous: 'v1', reason } });
});

/** Trains the model that asks for approval on twenty more rows, until the run waits for a person. */
async function startApproved(n: number, from: number) {
  const { db } = loop.database;
  await db.query(`update relearn.samples set model = 'approved' where source = 'production'`);
  const truth = [...(await loop.send(longRows(20, from)))];
  await db.query(`update relearn.samples set model = 'approved' where model = $1 and source = 'production'`, [model]);
  await storeCorrections(
    db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
  await db.query(`update relearn.corrections set model = 'approved'`);
  const finished = trigger('approved', { kind: 'manual', by: 'ann' });
  const run = loop.client.workflow.getHandle(workflowId.retrainRun('approved', n));
  await until('it waits', async () => {
    const state = await run.query<{ phase: string; reason: string }>('state').catch(() => undefined);
    assert.equal(state?.reason ?? '', '', 'it has ended');
    return state?.phase === 'approve';
  });
  return { run, finished };
}

test('a run that a person rejects leaves the champion, and its reason is kept', async () => {
  const { run, finished } = await startApproved(2, 120_000);
  assert.equal(await run.executeUpdate('reject', { args: [{ operator: 'bob', reason: 'not yet' }] }), 'taken');
  const outcome = await finished;
  const reason = 'rejected by bob. not yet';
  assert.deepEqual([outcome.status, outcome.reason], ['rejected', reason]);
  assert.equal(await storedReason(2), reason);
  assert.deepEqual(await audited('run_rejected'), { actor: 'bob', subject: 'v3', details: { run: 2, reason } });
  assert.equal((await getChampion(loop.database.db, 'approved')).version, 'v2');
});

test('a candidate whose rows are erased while it waits for approval never serves', async () => {
  const { db } = loop.database;
  const { run, finished } = await startApproved(3, 140_000);
  await db.query(`update relearn.versions set tainted_at = now() where model = 'approved' and version = 'v4'`);
  assert.equal(await run.executeUpdate('approve', { args: [{ by: 'bob', reason: 'better' }] }), 'taken');
  const { status, reason } = await finished;
  assert.equal(status, 'superseded');
  assert.match(reason ?? '', /^v4 learned from rows that were erased since\./);
  assert.equal((await getChampion(db, 'approved')).version, 'v2');
});
