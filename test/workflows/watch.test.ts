import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { deployIncumbentUpstreams } from '../../infra/deploy.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import type { ClusterWatchResult } from '../../workflows/cluster-watch.ts';
import type { DriftWatchResult } from '../../workflows/drift-watch.ts';
import { examples, model, newTopics, startLoop, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';
import { fakeCompletion, startFakeUpstream, type FakeReply, type Received } from '../serve/fake-upstream.ts';

const gold = Array.from({ length: 60 }, (_, n) => ({ prompt: `what is number ${n}?`, completion: `it is ${n}` }));
const chat = 'chat';
let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
let folder: string;
let loop: Loop;

/** A fake of three paid endpoints: the model, which gets the first `wrong` questions of the gold set wrong; a stronger one; a judge. */
function answerAs({ wrong = 0, stronger = 'travel' }: { wrong?: number; stronger?: string }) {
  return ({ body }: Received): FakeReply => {
    if (body.model === 'judge') return fakeCompletion('{"pass":true}');
    if (body.model === 'big') return fakeCompletion(stronger);
    const asked = gold.findIndex(({ prompt }) => JSON.stringify(body.messages).includes(prompt));
    return fakeCompletion(asked < wrong ? 'no idea' : (gold[asked]?.completion ?? ''));
  };
}

before(async () => {
  upstream = await startFakeUpstream(answerAs({}));
  folder = await mkdtemp(join(tmpdir(), 'relearn-watch-'));
  const goldFile = join(folder, 'gold.jsonl');
  await writeFile(goldFile, gold.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const { url } = upstream;
  loop = await startLoop((settings) => {
    Object.assign(settings.models[model] ?? {}, {
      relabel: { url, model: 'big', judge: { url, model: 'judge', rubric: 'the topic fits' }, maxPerHour: 6 },
      tags: { rules: [{ tag: 'tulips', prompt: '\\mtulips\\M' }] },
    });
    Object.assign(settings.models, {
      [chat]: { serve: { kind: 'upstream', url, upstreamModel: 'chat' }, drift: { gold: goldFile } },
    });
  });
  await deployIncumbentUpstreams(loop.runtime);
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
  await upstream.close();
  await rm(folder, { recursive: true });
});

const execute = <Result>(type: string, input: object) =>
  loop.client.workflow.execute<(input: object) => Promise<Result>>(type, {
    ...{ workflowId: `${type}/${randomUUID()}`, taskQueue, args: [input] },
  });
const look = () => execute<DriftWatchResult>('driftWatch', { model: chat, now: true });
const query = <Row extends object>(sql: string) => loop.database.db.query<Row>(sql);
const probes = async () => (await query(`select 1 from relearn.gold_runs where purpose = 'probe'`)).length;

test('a gold set that is half way to an alarm is asked again in the same look; what that confirms opens one incident', async () => {
  const first = await look();
  assert.equal(first.status, 'unknown', 'the baseline is taken');
  upstream.become(answerAs({ wrong: 2 }));
  assert.equal((await look()).status, 'clean');
  assert.equal(await probes(), 1, 'little evidence is not worth a second probe');

  upstream.become(answerAs({ wrong: 13 }));
  const drifted = await look();
  assert.equal(drifted.status, 'drift');
  assert.equal(await probes(), 3);
  assert.ok(upstream.received.length >= 2 * gold.length); // more where a probe was begun again
  assert.equal(drifted.monitors.filter(({ monitor }) => monitor === 'gold_set').length, 1);
  const verdicts = await query<{ state: string }>(
    `select state from relearn.monitor_verdicts where monitor = 'gold_set' and model = '${chat}' order by at, id`,
  );
  assert.deepEqual(
    verdicts.map(({ state }) => state),
    ['unknown', 'clean', 'clean', 'drift'],
  );
  const id = workflowId.driftResponse(chat, drifted.incident ?? '');
  await loop.client.workflow.getHandle(id).signal('closeReview', { by: 'ann', reason: 'seen' });
  await loop.client.workflow.getHandle(id).result();
});

test('an endpoint that does not answer its gold set is down, and opens no incident', async () => {
  upstream.become(() => 'hang up');
  const { status, incident } = await look();
  assert.deepEqual([status, incident], ['down', undefined]);
  upstream.become(answerAs({}));
});

test('the rules of tags are applied by their workflow, each row once', async () => {
  const rows = examples(newTopics, 40, 0);
  await loop.send(rows);
  const wanted = rows.filter(({ prompt }) => /\btulips\b/.test(prompt)).length;
  assert.ok(wanted > 0 && wanted < rows.length);
  await query(`update relearn.samples set kept_because = 'low_confidence' where model = '${model}'`);
  const kept = await query(`select 1 from relearn.samples where prompt like '%tulips%' and model = '${model}'`);
  assert.deepEqual(await execute('tagRules', { model }), { tagged: kept.length });
  assert.deepEqual(await execute('tagRules', { model }), { tagged: 0 });
  assert.equal(
    (await query(`select 1 from relearn.tags where tag = 'tulips' and source = 'rule'`)).length,
    kept.length,
  );
});

test('the stronger model proposes for the queue within its budget, what is verified tells the incident, and a look never fails for it', async () => {
  const handle = await openIncident();
  const watch = () => execute<ClusterWatchResult>('clusterWatch', { model });
  await watch();
  const stored = await query<{ source: string; completion: string }>(
    `select source, completion from relearn.corrections where model = '${model}'`,
  );
  assert.ok(stored.length > 0 && stored.length <= 6, `${stored.length} within the budget of 6`);
  assert.ok(stored.every(({ source, completion }) => source === 'stronger_model' && completion === 'travel'));
  await until('the incident counts them', async () => {
    const state = await handle.query<{ corrected: number }>('state').catch(() => undefined);
    return state?.corrected === stored.length;
  });
  await query(`update relearn.proposals set at = at - interval '1 hour'`);
  upstream.become(() => 'hang up');
  assert.ok(['quiet', 'triggered'].includes((await watch()).status));
  assert.equal((await query(`select 1 from relearn.proposals`)).length, stored.length);
  await handle.signal('closeReview', { by: 'ann', reason: 'seen' });
  await handle.result();
});

/** An incident that holds all rows of the model. */
async function openIncident() {
  await query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start)
     values ('relabel', '${model}', 'v1', 'by-hand', now(), now() - interval '1 hour')`,
  );
  const handle = await loop.client.workflow.start('driftResponse', {
    ...{ workflowId: workflowId.driftResponse(model, 'relabel'), taskQueue },
    args: [
      {
        ...{ model, incident: 'relabel', monitor: 'by-hand', minCorrected: 1000, graceMs: 0 },
        deadlineAt: Date.now() + 3_600_000,
      },
    ],
  });
  await until('its rows are tagged', async () => {
    return (await query(`select 1 from relearn.tags where incident = 'relabel'`)).length > 20;
  });
  return handle;
}
