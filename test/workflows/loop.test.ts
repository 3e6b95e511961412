import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { examples, knownTopics, model, newTopics, startLoop, textOf, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop();
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

const look = () =>
  loop.client.workflow.execute<(input: { model: string }) => Promise<{ status: string; incident?: string }>>(
    'driftWatch',
    { workflowId: `drift-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
  );

interface IncidentState {
  phase: string;
  counted: number;
  accepted: number;
  ignored: number;
  problems: string[];
  lastRetrain: { status: string; version?: string } | null;
}

test('the loop turns: drift is seen, corrected, learned, gated and promoted, and the incident resolved', async () => {
  await loop.send(examples(knownTopics, 90, 40_000));
  assert.notEqual((await look()).status, 'drift', 'healthy traffic raises nothing');

  await loop.send(examples(knownTopics, 90, 50_000));
  const healthy = await look();
  assert.equal(healthy.status, 'clean');
  assert.equal(healthy.incident, undefined);

  const truth = await loop.send(examples(newTopics, 90, 60_000));
  const drifted = await look();
  assert.equal(drifted.status, 'drift');
  const incident = drifted.incident ?? '';
  const handle = loop.client.workflow.getHandle(workflowId.driftResponse(model, incident));
  const state = () => handle.query<IncidentState>('state');

  await until('rows are kept', async () => {
    const rows = await loop.database.db.query(`select 1 from relearn.tags where incident = $1`, [incident]);
    return rows.length >= 90;
  });

  await handle.signal('correction', null);
  await handle.signal('correction', { requestId: 'nobody', completion: 'x', operator: 'ann' });
  const corrected = [...truth].slice(0, 60);
  for (const [requestId, completion] of corrected.slice(0, 10)) {
    await handle.signal('correction', { requestId, completion, operator: 'ann' });
    await handle.signal('correction', { requestId, completion, operator: 'ann' });
  }
  const counted = await until('ten are counted', async () => {
    const now = await state();
    return now.accepted === 10 && now.ignored === 2 && now;
  });
  assert.ok(counted.counted <= 10);
  assert.match(counted.problems.join(), /wanted \{"requestId"/);
  assert.match(counted.problems.join(), /no such request/);

  const update = await handle.executeUpdate<{ corrections: { status: string }[] }, [object]>('submitCorrections', {
    args: [
      {
        batch: 'one',
        corrections: corrected.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann' })),
      },
    ],
  });
  const statuses = update.corrections.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 'repeated').length, 10);
  assert.equal(statuses.filter((status) => status === 'stored').length, 50);

  const result: unknown = await handle.result();
  assert.equal((result as { status: string }).status, 'resolved');
  const final = await state();
  assert.equal(final.lastRetrain?.status, 'promoted');
  assert.equal(final.lastRetrain.version, 'v2');

  const learned = await until('the gateway has switched', async () => {
    const answer = await loop.answerer.answer({
      ...{ model, source: 'probe', messages: [{ role: 'user', content: textOf('music', 70_000) }] },
    });
    return answer.version === 'v2' && answer;
  });
  assert.equal(learned.text, 'music');
  const [certificate] = await loop.database.db.query<{ kind: string; passed: boolean }>(
    `select kind, passed from relearn.certificates where model = $1 and version = 'v2'`,
    [model],
  );
  assert.deepEqual(certificate, { kind: 'gated', passed: true });
});

test('a batch that is none is rejected before it reaches the history', async () => {
  await loop.database.db.query(`delete from relearn.incidents`);
  const incident = `typed-${randomUUID()}`;
  await loop.database.db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start)
     values ($1, $2, 'v2', 'by hand', now(), now())`,
    [incident, model],
  );
  const handle = await loop.client.workflow.start('driftResponse', {
    workflowId: workflowId.driftResponse(model, incident),
    taskQueue,
    args: [{ model, incident, monitor: 'by hand', minCorrected: 5, graceMs: 0, deadlineAt: Date.now() + 3_600_000 }],
  });
  for (const wrong of [null, {}, { batch: 'b', corrections: [] }, { batch: 'b', corrections: [{ requestId: 1 }] }]) {
    await assert.rejects(handle.executeUpdate('submitCorrections', { args: [wrong] }), /Update failed/);
  }
  await handle.signal('closeReview', { by: 'ann', reason: 'a test' });
  assert.deepEqual(await handle.result(), { status: 'closed', reason: 'closed by ann. a test', counted: 0 });
  const [row] = await loop.database.db.query<{ state: string }>(`select state from relearn.incidents where id = $1`, [
    incident,
  ]);
  assert.equal(row?.state, 'closed');
});

test('the log is rotated: partitions ahead are there, old ones go', async () => {
  const { db } = loop.database;
  await db.query(`select relearn.ensure_partition('recent', now() - interval '3 days')`);
  const { dropped } = await loop.client.workflow.execute<() => Promise<{ dropped: string[] }>>('logRetention', {
    ...{ workflowId: `log-retention/${randomUUID()}`, taskQueue, args: [] },
  });
  assert.equal(dropped.length, 1);
  assert.match(dropped[0] ?? '', /^recent_/);
  const [ahead] = await db.query<{ name: string | null }>(
    `select to_regclass('relearn.recent_' || to_char(now() at time zone 'UTC' + interval '20 hours', 'YYYYMMDDHH24')) as name`,
  );
  assert.notEqual(ahead?.name, null);
});

test('a rollback that names no model fails with what was wanted', async () => {
  const roll = loop.client.workflow.execute('rollback', { workflowId: 'rollback/typed', taskQueue, args: [null] });
  await assert.rejects(roll);
});

test('a rollback takes the champion back, and a second one has nowhere to go', async () => {
  const roll = () =>
    loop.client.workflow.execute('rollback', {
      ...{ workflowId: workflowId.rollback(model), taskQueue, args: [{ model, by: 'ann', reason: 'a test' }] },
    });
  assert.deepEqual(await roll(), { status: 'rolled_back', version: 'v1', from: 'v2' });
  await assert.rejects(roll());
});
