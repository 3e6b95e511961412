import assert from 'node:assert/strict';
import { silentSignals } from '../http/fixtures.ts';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { buildReview } from '../../src/http/review.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import type { ClusterWatchResult } from '../../workflows/cluster-watch.ts';
import { examples, model, newTopics, startLoop, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';
import { patienceMs } from '../until.ts';

let loop: Loop;
let truth: Map<string, string>;
before(async () => {
  loop = await startLoop((settings) => {
    Object.assign(settings.models[model] ?? {}, { clusters: { minRows: 5, reviewAt: 8, minCorrected: 6 } });
  });
  await loop.startWorker();
  truth = await loop.send(examples(newTopics, 80, 0));
  await loop.database.db.query(`update relearn.samples set kept_because = 'low_confidence'`);
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

const watch = () =>
  loop.client.workflow.execute<(input: { model: string }) => Promise<ClusterWatchResult>>('clusterWatch', {
    ...{ workflowId: `cluster-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
  });
const query = <Row extends object>(sql: string) => loop.database.db.query<Row>(sql);
const queue = () =>
  query<{ request_id: string; rank: number; card: string }>(
    `select request_id, rank, card from relearn.review_cards order by rank, position`,
  );

test('what fails alike becomes named clusters that keep their keys, and large ones come first in the queue', async () => {
  const first = await watch();
  assert.ok(first.found.length > 0);
  assert.ok(first.found.every(({ state }) => state === 'new'));
  const again = await watch();
  assert.deepEqual(
    again.found.map(({ key, state }) => [key, state]),
    first.found.map(({ key }) => [key, 'stable']),
  );
  const reviewed = first.found.filter(({ underReview }) => underReview);
  assert.ok(reviewed.length > 0 && reviewed.every(({ rows }) => rows >= 8));

  const tags = await query<{ request_id: string }>(`select request_id from relearn.tags where tag like 'cluster/%'`);
  const cards = await queue();
  assert.equal(cards.length, 80);
  const tagged = new Set(tags.map(({ request_id: id }) => id));
  // Its most central row may be one that is like the cluster's and was not among those that failed.
  const firstCard = cards.filter(({ rank }) => rank === cards[0]?.rank);
  assert.ok(firstCard.some(({ request_id: id }) => tagged.has(id)));
});

test('the clusters are to be read over HTTP, those of an unknown model are not', async () => {
  const app = buildReview({
    queuePatienceMs: patienceMs,
    config: loop.config,
    db: loop.database.db,
    signal: silentSignals,
    logger: pino({ level: 'silent' }),
  });
  const get = (url: string) => app.inject({ method: 'GET', url, headers: { host: '127.0.0.1' } });
  const { clusters } = (await get(`/api/clusters?model=${model}`)).json<{
    clusters: { tag: string; name: string }[];
  }>();
  assert.ok(clusters.length > 0 && clusters.every(({ tag, name }) => name !== tag));
  assert.match(clusters[0]?.tag ?? '', /^cluster\/\d+$/);
  assert.equal((await get('/api/clusters?model=nix')).statusCode, 404);
  await app.close();
});

test('enough corrected rows of a cluster trigger a retrain for it, once, and not while an incident gathers them', async () => {
  const { db } = loop.database;
  const [largest] = (await watch()).found;
  const rows = await query<{ request_id: string }>(
    `select request_id from relearn.tags where tag = '${largest?.key ?? ''}' order by request_id limit 8`,
  );
  await storeCorrections(
    db,
    rows.map(({ request_id: requestId }) => ({
      ...{ requestId, completion: truth.get(requestId) ?? '', operator: 'ann', source: 'api' as const },
    })),
  );
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start)
     values ('by-hand', $1, 'v1', 'by-hand', now(), now())`,
    [model],
  );
  assert.equal((await watch()).status, 'quiet');
  await db.query(`update relearn.incidents set state = 'closed'`);
  const due = await watch();
  assert.equal(due.status, 'triggered');
  assert.ok((due.found.find(({ key }) => key === largest?.key)?.corrected ?? 0) >= 6);
  const [run] = await until('the run is there', async () => {
    const runs = await query<{ triggers: object[] }>(`select triggers from relearn.retrain_runs`);
    return runs.length > 0 && runs;
  });
  assert.deepEqual(run?.triggers, [{ kind: 'cluster', cluster: largest?.key }]);
  await loop.client.workflow.getHandle(workflowId.retrain(model)).result();
  assert.equal((await watch()).status, 'quiet');
});

test('an incident that starts to collect has the queue put in order', async () => {
  await query(`truncate relearn.review_cards`);
  await query(`update relearn.incidents set id = 'again', state = 'open'`);
  const handle = await loop.client.workflow.start('driftResponse', {
    ...{ workflowId: workflowId.driftResponse(model, 'again'), taskQueue },
    args: [
      {
        ...{ model, incident: 'again', monitor: 'by-hand', minCorrected: 1000, graceMs: 0 },
        deadlineAt: Date.now() + 3_600_000,
      },
    ],
  });
  await until('it is', async () => (await queue()).length > 0);
  await handle.signal('closeReview', { by: 'ann' });
  await handle.result();
});

test('rows that no longer fail resolve their cluster', async () => {
  await query(`update relearn.samples set kept_because = 'healthy'`);
  await query(`delete from relearn.tags`);
  const { found } = await watch();
  assert.ok(found.length > 0 && found.every(({ state, underReview }) => state === 'resolved' && !underReview));
});
