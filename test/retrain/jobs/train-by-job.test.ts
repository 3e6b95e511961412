import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createRetrainActivities } from '../../../activities/retrain.ts';
import { configSchema } from '../../../src/config.ts';
import { openArtifactDirectory } from '../../../src/promote/artifacts.ts';
import { openJobStore } from '../../../src/retrain/jobs/job-store.ts';
import { createJobsTrainer } from '../../../src/retrain/jobs/train-by-job.ts';
import { createTestDatabase } from '../../stack.ts';
import { makeDirectory, writeJsonl } from '../embedded/synthetic.ts';
import { startFakeFineTuningApi } from './fake-fine-tuning-api.ts';

async function start(context: TestContext, baseModel = 'small-model') {
  const api = await startFakeFineTuningApi();
  context.after(() => api.close());
  const database = await createTestDatabase();
  context.after(() => database.close());
  const folder = await makeDirectory(context);
  const corrected = await writeJsonl(join(folder, 'train.jsonl'), [{ messages: ['corrected'] }]);
  const replay = await writeJsonl(join(folder, 'replay.jsonl'), [{ messages: ['replayed'] }]);
  const config = { kind: 'jobs' as const, url: api.url, baseModel, seed: 1, pollSeconds: 0.02 };
  const jobs = openJobStore(database.db);
  const run = (signal: AbortSignal, { key = 'chat/4', store = jobs } = {}) =>
    createJobsTrainer(config, { secret: () => undefined, jobs: store })(
      { corrected, replay, calibration: [] },
      { key, folder },
      () => {},
      signal,
    );
  return { api, run, jobs };
}

/** A worker's activity `train`, as it runs run 1 of another installation that has the same account. */
async function startInstallation(context: TestContext, url: string, dataset: string) {
  const database = await createTestDatabase();
  context.after(() => database.close());
  const directory = await makeDirectory(context);
  const { db } = database;
  await mkdir(join(directory, dataset));
  await writeJsonl(join(directory, dataset, 'train.jsonl'), [{ messages: [dataset] }]);
  await db.query(`insert into relearn.models (name) values ('chat')`);
  await db.query(`insert into relearn.datasets (id, model, path, rows, manifest) values ($1, 'chat', '', 1, '{}')`, [
    dataset,
  ]);
  const config = configSchema.parse({
    models: {
      chat: {
        serve: { kind: 'upstream', url: 'http://127.0.0.1:1/v1', upstreamModel: 'small-model' },
        retrain: { trainer: { kind: 'jobs', url, baseModel: 'small-model', pollSeconds: 0.02 } },
      },
    },
  });
  const activities = createRetrainActivities({
    ...{ config, db, artifacts: openArtifactDirectory(directory), writer: { flush: () => Promise.resolve() } },
    ...{ scratchDirectory: directory, datasetDirectory: directory, secret: () => undefined, environment: {} },
    logger: pino({ level: 'silent' }),
  });
  const input = { model: 'chat', run: 1, dataset, champion: 'v1' };
  const run = (scheduledTimestampMs = Date.now()) =>
    new MockActivityEnvironment({ scheduledTimestampMs }).run(() => activities.train(input));
  const upstreams = () => db.query(`select metadata->>'upstreamModel' as name from relearn.versions`);
  return { run, upstreams, db };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await wait(10);
}

const never = new AbortController().signal;

test('a job is submitted with what is replayed, polled to its end, and its model becomes the version', async (context) => {
  const { api, run } = await start(context);
  const running = run(never);
  await until(() => api.polls.length >= 2);
  Object.assign(api.jobs[0] ?? {}, { status: 'succeeded', fine_tuned_model: 'ft:small:4' });
  const trained = await running;
  assert.equal(trained.kind, 'upstream');
  assert.deepEqual(trained.metadata, { upstreamModel: 'ft:small:4', job: 'ftjob-1' });
  assert.equal(api.files.length, 1);
  assert.match(api.files[0] ?? '', /\{"messages":\["corrected"\]\}\n\{"messages":\["replayed"\]\}\n/);
});

test('a worker that takes over polls the running job instead of submitting a second one', async (context) => {
  const { api, run, jobs } = await start(context);
  const first = new AbortController();
  const running = run(first.signal);
  await until(() => api.polls.length >= 1);
  first.abort(new Error('WORKER_SHUTDOWN'));
  await assert.rejects(running, /WORKER_SHUTDOWN/);
  assert.equal(api.jobs[0]?.status, 'running');
  // This one died between creating its job and saying so; others came after it.
  const forgetful = {
    find: () => Promise.resolve(null),
    save: (...saved: Parameters<typeof jobs.save>) => jobs.save(...saved),
  };
  for (const key of ['chat/5', 'chat/6']) {
    const other = new AbortController();
    const started = api.jobs.length;
    const another = run(other.signal, { key, store: forgetful });
    await until(() => api.jobs.length > started);
    other.abort(new Error('WORKER_SHUTDOWN'));
    await assert.rejects(another);
  }
  Object.assign(api.jobs.at(-1) ?? {}, { status: 'succeeded', fine_tuned_model: 'ft:small:4' });
  for (const store of [jobs, forgetful]) {
    assert.equal((await run(never, { store })).metadata['job'], 'ftjob-1');
  }
  assert.equal(api.jobs.length, 3);
});

test('installations that share an account do not take each other’s job of the same run for theirs', async (context) => {
  const { api } = await start(context);
  for (const [place, dataset] of ['a'.repeat(64), 'b'.repeat(64)].entries()) {
    const { run, upstreams } = await startInstallation(context, api.url, dataset);
    const running = run();
    await until(() => api.jobs.length > place);
    const name = `ft:${dataset.slice(0, 3)}`;
    Object.assign(api.jobs[0] ?? {}, { status: 'succeeded', fine_tuned_model: name });
    await running;
    assert.equal(api.jobs[0]?.metadata?.['relearn_run'], `chat/1/${dataset.slice(0, 12)}`);
    assert.deepEqual(await upstreams(), [{ name }]);
  }
});

test('a version that is registered when an erasure has looked already is marked, and goes no further', async (context) => {
  const { api } = await start(context);
  const dataset = 'c'.repeat(64);
  const { run, db } = await startInstallation(context, api.url, dataset);
  const begun = Date.now();
  const running = run(begun);
  await until(() => api.jobs.length === 1);
  await db.query(`update relearn.datasets set revised_by = id, erased_at = now()`);
  Object.assign(api.jobs[0] ?? {}, { status: 'succeeded', fine_tuned_model: 'ft:erased' });
  await assert.rejects(running, { code: 'version_tainted' });
  await assert.rejects(run(begun), { code: 'version_tainted' });
  assert.deepEqual(await db.query(`select tainted_at is not null as tainted from relearn.versions`), [
    { tainted: true },
  ]);
});

test('a version that was trained after the erasure is not marked', async (context) => {
  const { api } = await start(context);
  const { run, db } = await startInstallation(context, api.url, 'd'.repeat(64));
  await db.query(`update relearn.datasets set erased_at = now() - interval '10 minutes'`);
  const running = run();
  await until(() => api.jobs.length === 1);
  Object.assign(api.jobs[0] ?? {}, { status: 'succeeded', fine_tuned_model: 'ft:clean' });
  assert.deepEqual(await running, { version: 'v1' });
});

test('a run that is cancelled cancels its job', async (context) => {
  const { api, run } = await start(context);
  const controller = new AbortController();
  const running = run(controller.signal);
  await until(() => api.polls.length >= 1);
  const reason = new Error('CANCELLED');
  controller.abort(reason);
  await assert.rejects(running, reason);
  assert.equal(api.jobs[0]?.status, 'cancelled');
});

test('a job that fails, and a refused one, say why in redacted words', async (context) => {
  const { api, run } = await start(context);
  const running = run(never);
  await until(() => api.jobs.length === 1);
  Object.assign(api.jobs[0] ?? {}, { status: 'failed', error: { message: 'bad row: jane.doe@example.com' } });
  await assert.rejects(running, {
    code: 'trainer_failed',
    message: /ended as failed\. The API says: bad row: \[EMAIL\]/,
  });
  const refused = await start(context, 'refused');
  await assert.rejects(refused.run(never), {
    code: 'trainer_failed',
    message: /status 400\. row 3, \[EMAIL\], is too long/,
  });
});
