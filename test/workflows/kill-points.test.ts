import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTemporal, type EmbeddedTemporal, type EmbeddedTemporalOptions } from '../../infra/embedded/temporal.ts';
import { readEnvironment } from '../../infra/environment.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { getChampion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { examples, kill, model, newTopics, startLoop, textOf, until, type Loop } from '../loop.ts';

/** The table that each step of a retrain writes, and what is killed just when it does. */
const killPoints = [
  { step: 'dataset', table: 'datasets', victim: 'worker' },
  { step: 'train', table: 'versions', victim: 'worker' },
  { step: 'eval', table: 'eval_runs', victim: 'worker' },
  { step: 'certify', table: 'certificates', victim: 'worker' },
  { step: 'canary', table: 'rollouts', victim: 'temporal' },
  { step: 'promote', table: 'deployments', victim: 'worker' },
  { step: 'finish', table: 'retrain_runs', victim: 'worker' },
] as const;

let loop: Loop;
let temporal: EmbeddedTemporal;
let options: EmbeddedTemporalOptions;
before(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-kill-'));
  options = { directory, cacheDirectory: readEnvironment().cacheDirectory, onEvent: () => {} };
  temporal = await startTemporal(options);
  process.env['RELEARN_TEST_TEMPORAL'] = temporal.address; // of this file: its server is killed
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.rollout = { approval: false, canary: { shares: [0.5], stepMinutes: 0.02, maxLowConfidenceIncrease: 1 } };
  });
});
after(async () => {
  await loop.close();
  await temporal.process.stop();
  await rm(options.directory, { recursive: true, force: true });
});

/** Lets nobody write a table until it is released. */
async function holdWrites(db: Loop['database']['db'], table: string): Promise<() => Promise<void>> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  let held: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    held = db.transaction(async (tx: Database) => {
      await tx.query(`lock table relearn.${table} in exclusive mode`);
      resolve();
      await released;
    });
    held.catch(reject);
  });
  return async () => {
    release();
    await held;
  };
}

/** Someone waits to write the table. */
async function isAwaited(table: string): Promise<boolean> {
  const { db } = loop.database;
  return (
    (await db.query(`select 1 from pg_locks where not granted and relation = $1::regclass`, [`relearn.${table}`]))
      .length > 0
  );
}

/** Kills the server as a machine that loses power would, and starts it on the same port with the same files. */
async function restartTemporal(): Promise<void> {
  process.kill(temporal.process.pid, 'SIGKILL');
  await temporal.process.exited;
  temporal = await startTemporal({ ...options, port: Number(temporal.address.split(':').at(-1)) });
}

interface Reply {
  requestId: string;
  version: string;
}

/** Users who ask all the time, until they are stopped. Any error of an answer fails the test. */
function startLoad(): () => Promise<Reply[]> {
  const replies: Reply[] = [];
  let going = true;
  const users = Array.from({ length: 4 }, async (_, user) => {
    for (let turn = 0; going; turn += 1) {
      const messages = [{ role: 'user', content: textOf('weather', turn) }];
      const asked = { model, messages, user: `user ${user}-${turn % 50}`, source: 'production' as const };
      const { requestId, version } = await loop.answerer.answer(asked);
      replies.push({ requestId, version });
      await sleep(20);
    }
  });
  return async () => {
    going = false;
    await Promise.all(users);
    await loop.log.flush();
    return replies;
  };
}

/** Each request is logged once, with the version that its answer named. */
async function assertUnmixed(replies: readonly Reply[]): Promise<void> {
  const { db } = loop.database;
  const [counts] = await db.query(
    `select count(*) as logged, count(*) filter (where l.model_version <> r.version) as mixed
     from unnest($1::text[], $2::text[]) as r (request_id, version)
     join (select request_id, model_version from relearn.samples
           union all select request_id, model_version from relearn.recent) l using (request_id)`,
    [replies.map(({ requestId }) => requestId), replies.map(({ version }) => version)],
  );
  assert.deepEqual(counts, { logged: replies.length, mixed: 0 });
}

test('workers and server killed at each step of a retrain: one of everything, and the champion answers all the while', async () => {
  const { db } = loop.database;
  const truth = [...(await loop.send(examples(newTopics, 60, 60_000)))];
  await storeCorrections(
    db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
  const stopLoad = startLoad();
  let release = await holdWrites(db, killPoints[0].table);
  await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'ann' }] },
  });
  let worker = await loop.spawnWorker(10);
  for (const [place, { step, table, victim }] of killPoints.entries()) {
    await until(`the step ${step} writes`, () => isAwaited(table));
    assert.equal((await getChampion(db, model)).version, step === 'finish' ? 'v2' : 'v1');
    const next = killPoints[place + 1];
    const releaseNext = next === undefined ? async () => {} : await holdWrites(db, next.table);
    if (victim === 'worker') await kill(worker);
    else await restartTemporal();
    await release();
    release = releaseNext;
    if (victim === 'worker') worker = await loop.spawnWorker(10);
  }
  await until('the run has ended', async () => {
    const running = await db.query(`select 1 from relearn.retrain_runs where state = 'running'`);
    return running.length === 0;
  });
  const [counts] = await db.query(
    `select (select count(*) from relearn.datasets) as datasets,
       (select count(*) from relearn.versions) as versions,
       (select count(*) from relearn.retrain_runs where state = 'promoted') as runs,
       (select count(*) from relearn.certificates where kind = 'gated') as certificates,
       (select count(*) from relearn.rollouts) as rollouts,
       (select count(*) from relearn.deployments where action = 'promote') as promotions,
       (select version from relearn.aliases) as champion`,
  );
  assert.deepEqual(counts, {
    ...{ datasets: 1, versions: 2, runs: 1, certificates: 1, rollouts: 1, promotions: 1, champion: 'v2' },
  });

  await loop.client.workflow.execute('rollback', {
    ...{ workflowId: workflowId.rollback(model), taskQueue, args: [{ model, by: 'eve', reason: 'drill' }] },
  });
  await until('every request gets the old version', async () => {
    const messages = [{ role: 'user', content: textOf('travel', 1) }];
    return (await loop.answerer.answer({ model, messages, user: 'any', source: 'production' })).version === 'v1';
  });
  const replies = await stopLoad();
  assert.deepEqual(new Set(replies.map(({ version }) => version)), new Set(['v1', 'v2']));
  await assertUnmixed(replies);
});
