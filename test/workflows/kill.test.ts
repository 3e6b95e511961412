import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startDriftResponse } from '../../src/watch/start-response.ts';
import { getIncident, openIncident } from '../../src/watch/incidents.ts';
import { workflowId } from '../../src/temporal.ts';
import { examples, kill, knownTopics, model, newTopics, startLoop, until, type Loop } from '../loop.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop();
});
after(() => loop.close());

/** Enough passes over the small base set to train for some seconds. */
const longTraining = 1500;

test('a worker killed while an incident collects, while it trains and while it gates changes nothing of the outcome', async () => {
  const { db } = loop.database;
  await loop.send(examples(knownTopics, 20, 40_000));
  const truth = await loop.send(examples(newTopics, 60, 60_000));
  const { id } = await openIncident(db, {
    ...{ model, modelVersion: 'v1', monitor: 'by-hand', detectedAt: new Date(), figures: {} },
    ...{ windowHours: 12, hotWindowHours: 24 },
  });
  const settings = loop.config.models[model];
  assert.ok(settings !== undefined);
  await startDriftResponse(loop.client.workflow, await getIncident(db, id), settings);
  const handle = loop.client.workflow.getHandle(workflowId.driftResponse(model, id));
  const phaseOf = async (workflow: string) => {
    const state = loop.client.workflow.getHandle(workflow).query<{ phase: string; counted?: number }>('state');
    return state.catch(() => undefined);
  };

  const corrections = [...truth].map(([requestId, completion]) => ({ requestId, completion, operator: 'ann' }));
  const first = await loop.spawnWorker(longTraining);
  await until('it collects', async () => (await phaseOf(handle.workflowId))?.phase === 'collecting');
  for (const message of corrections.slice(0, 10)) await handle.signal('correction', message);
  await kill(first);
  for (const message of corrections) await handle.signal('correction', message);

  const second = await loop.spawnWorker(longTraining);
  const run = workflowId.retrainRun(model, 1);
  await until('it trains', async () => !['plan', 'dataset', undefined].includes((await phaseOf(run))?.phase));
  await kill(second);

  const third = await loop.spawnWorker(longTraining);
  await until('it gates', async () => {
    const versions = await db.query(`select 1 from relearn.versions where model = $1 and run = 1`, [model]);
    return versions.length > 0;
  });
  await kill(third);

  await loop.spawnWorker(longTraining);
  const result: unknown = await handle.result();
  assert.equal((result as { status: string }).status, 'resolved');
  const [counts] = await db.query(
    `select (select count(*) from relearn.corrections) as corrections,
       (select count(*) from relearn.datasets) as datasets,
       (select count(*) from relearn.versions) as versions,
       (select count(*) from relearn.retrain_runs) as runs,
       (select count(*) from relearn.certificates where kind = 'gated') as certificates,
       (select count(*) from relearn.deployments where action = 'promote') as promotions,
       (select version from relearn.aliases) as champion`,
  );
  assert.deepEqual(counts, {
    ...{ corrections: corrections.length, datasets: 1, versions: 2, runs: 1, certificates: 1, promotions: 1 },
    champion: 'v2',
  });
});
