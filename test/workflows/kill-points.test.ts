import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { startTemporal, type EmbeddedTemporal, type EmbeddedTemporalOptions } from '../../infra/embedded/temporal.ts';
import { readEnvironment } from '../../infra/environment.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { getChampion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { examples, kill, knownTopics, model, newTopics, startLoop, until, type Loop } from '../loop.ts';
import { eventually } from '../until.ts';

/** The table that each step of a retrain writes. Just when it does, its worker is killed, and then the server under the next attempt. */
const killPoints = [
  { step: 'dataset', table: 'datasets' },
  { step: 'train', table: 'versions' },
  { step: 'eval', table: 'eval_runs' },
  { step: 'certify', table: 'certificates' },
  { step: 'canary', table: 'rollouts' },
  { step: 'promote', table: 'deployments' },
  { step: 'finish', table: 'retrain_runs' },
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

/** The connections that wait for the table, or for whoever does. */
async function listWaiting(): Promise<number[]> {
  const rows = await loop.database.db.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows.map(({ pid }) => pid);
}

/** Kills the server as a machine that loses power would, and starts it on the same port with the same files. */
async function restartTemporal(): Promise<void> {
  process.kill(temporal.process.pid, 'SIGKILL');
  await temporal.process.exited;
  temporal = await startTemporal({ ...options, port: Number(temporal.address.split(':').at(-1)) });
}

const replySchema = z.object({
  id: z.string(),
  system_fingerprint: z.string(),
  choices: z.tuple([z.object({ message: z.object({ content: z.string() }) })]),
});

interface Reply {
  requestId: string;
  version: string;
  label: string;
  text: string;
}

/** Asks a gateway as a client does. Throws when it answers an error, or names another version in its head than in its body. */
async function ask(gateway: string, text: string, user: string): Promise<Reply> {
  const response = await fetch(`${gateway}/v1/chat/completions`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ model, user, messages: [{ role: 'user', content: text }] }),
  });
  const body: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  const { id, system_fingerprint: version, choices } = replySchema.parse(body);
  assert.equal(response.headers.get('x-relearn-version'), version);
  return { requestId: id, version, label: choices[0].message.content, text };
}

/** Of all topics, so that the two versions answer some of them differently. */
const texts = examples([...knownTopics, ...newTopics], 50, 90_000).map(({ prompt }) => prompt);

/** Users who ask all the time, until they are stopped. Any error of an answer fails the test. */
function startLoad(gateway: string): () => Promise<Reply[]> {
  const replies: Reply[] = [];
  let going = true;
  const users = Array.from({ length: 4 }, async (_, user) => {
    for (let turn = user; going; turn += 1) {
      replies.push(await ask(gateway, texts[turn % texts.length] ?? '', `user ${user}-${turn % 50}`));
      await sleep(20);
    }
  });
  const ended = Promise.all(users);
  ended.catch(() => {}); // told when it is stopped
  return async () => {
    going = false;
    await ended;
    return replies;
  };
}

/** Each request is logged once, with the version that its answer named; what it says is what that version answers. */
async function assertUnmixed(replies: readonly Reply[]): Promise<void> {
  const { db } = loop.database;
  const fields = (['requestId', 'version', 'label'] as const).map((field) => replies.map((reply) => reply[field]));
  const count = async () => {
    const [counts] = await db.query(
      `select count(*) as logged, count(*) filter (where l.model_version <> r.version or l.response <> r.label) as mixed
       from unnest($1::text[], $2::text[], $3::text[]) as r (request_id, version, label)
       join (select request_id, model_version, response from relearn.samples
             union all select request_id, model_version, response from relearn.recent) l using (request_id)`,
      fields,
    );
    return counts;
  };
  await eventually(count, { logged: replies.length, mixed: 0 });

  const said = new Map<string, string>();
  for (const version of ['v1', 'v2']) {
    const asked = texts.map((text) => ({
      model,
      version,
      messages: [{ role: 'user', content: text }],
      source: 'eval' as const,
    }));
    const answers = await loop.answerer.answerBatch(asked);
    texts.forEach((text, place) => said.set(`${version} ${text}`, answers[place]?.text ?? ''));
  }
  assert.ok(texts.some((text) => said.get(`v1 ${text}`) !== said.get(`v2 ${text}`)));
  assert.deepEqual(replies.filter(({ version, text, label }) => said.get(`${version} ${text}`) !== label), []); // prettier-ignore
}

test('workers and server killed at each step of a retrain: one of everything, and the champion answers all the while', async () => {
  const { db } = loop.database;
  const truth = [...(await loop.send(examples(newTopics, 60, 60_000)))];
  await storeCorrections(
    db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
  const gateway = await loop.spawnGateway();
  const stopLoad = startLoad(gateway);
  let release = await holdWrites(db, killPoints[0].table);
  await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'ann' }] },
  });
  let worker = await loop.spawnWorker(10);
  for (const [place, { step, table }] of killPoints.entries()) {
    await until(`the step ${step} writes`, () => isAwaited(table));
    const first = await listWaiting();
    assert.equal((await getChampion(db, model)).version, step === 'finish' ? 'v2' : 'v1');
    const next = killPoints[place + 1];
    const releaseNext = next === undefined ? async () => {} : await holdWrites(db, next.table);
    await kill(worker);
    worker = await loop.spawnWorker(10);
    await until(`another attempt of the step ${step} writes`, async () =>
      (await listWaiting()).some((pid) => !first.includes(pid)),
    );
    await restartTemporal();
    await release();
    release = releaseNext;
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
  await until(
    'every request gets the old version',
    async () => (await ask(gateway, texts[0] ?? '', 'any')).version === 'v1',
  );
  const replies = await stopLoad();
  assert.deepEqual(new Set(replies.map(({ version }) => version)), new Set(['v1', 'v2']));
  await assertUnmixed(replies);
});
