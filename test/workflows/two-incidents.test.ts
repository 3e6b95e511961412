import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { z } from 'zod';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { listLineageRows, readLineage, traceRequests } from '../../src/promote/lineage.ts';
import { getChampion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId, type RetrainFinished } from '../../src/temporal.ts';
import { getIncident, openIncident } from '../../src/watch/incidents.ts';
import { startDriftResponse } from '../../src/watch/start-response.ts';
import type { DriftResponseState } from '../../workflows/drift-response.ts';
import { hashKey, model, startLoop, textOf, until, type Loop, type LoopSettings } from '../loop.ts';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../infra/cli.js', import.meta.url));

let loop: Loop;
let settings: LoopSettings | undefined;
before(async () => {
  loop = await startLoop((own) => void (settings = own));
  await loop.startWorker();
});
after(() => loop.close());

const trainedLine = z.object({ msg: z.literal('trained'), seconds: z.number() });

/** Texts of one topic, two sentences each, so that few are copies of each other. */
function about(topic: string, count: number, from: number) {
  return Array.from({ length: count }, (_, index) => ({
    prompt: `${textOf(topic, from + index)} ${textOf(topic, from + 1000 + 3 * index)}`,
    completion: topic,
  }));
}

/** An incident in which a topic that the model does not know arrives. */
async function openAbout(topic: string, from: number, { graceHours = 0 } = {}) {
  const { db } = loop.database;
  const { version } = await getChampion(db, model);
  const truth = await loop.send(about(topic, 150, from));
  const { id } = await openIncident(db, {
    ...{ model, modelVersion: version, monitor: 'by-hand', detectedAt: new Date(), figures: {} },
    ...{ windowHours: 12, hotWindowHours: 24 },
  });
  const own = loop.config.models[model];
  assert.ok(own !== undefined);
  const settings = { ...own, drift: { ...own.drift, graceHours } };
  await startDriftResponse(loop.client.workflow, await getIncident(db, id), settings);
  const handle = loop.client.workflow.getHandle(workflowId.driftResponse(model, id));
  const corrections = [...truth].map(([requestId, completion]) => ({
    requestId,
    completion,
    operator: `for ${topic}`,
  }));
  return { id, version, handle, corrections };
}

/** Such an incident is corrected. Ends with a new champion. */
async function goThrough(topic: string, from: number) {
  const { db } = loop.database;
  const { id, version, handle, corrections } = await openAbout(topic, from);
  const complete = Date.now();
  await handle.executeUpdate('submitCorrections', { args: [{ batch: randomUUID(), corrections }] });
  assert.equal(((await handle.result()) as { status: string }).status, 'resolved');
  assert.equal(await listedVersion(handle.workflowId), version, 'the one that drifted');
  const trained = loop.logs
    .map((line) => trainedLine.safeParse(JSON.parse(line)).data)
    .findLast((line) => line?.msg === 'trained');
  const [promotion] = await db.query<{ at: Date }>(`select at from relearn.deployments order by id desc limit 1`);
  const seconds = ((promotion?.at.getTime() ?? 0) - complete) / 1000;
  return {
    seconds: `${seconds.toFixed(1)} s from the last correction to champion, training ${trained?.seconds.toFixed(1)} s of them`,
    incident: id,
    requestId: corrections[0]?.requestId ?? '',
    ...(await getChampion(db, model)),
  };
}

/** The version by which the Temporal UI lists a workflow. */
async function listedVersion(id: string): Promise<unknown> {
  const { typedSearchAttributes } = await loop.client.workflow.getHandle(id).describe();
  return typedSearchAttributes.get(defineSearchAttributeKey('RelearnVersion', SearchAttributeType.KEYWORD));
}

async function shareRight(topic: string): Promise<number> {
  const rows = about(topic, 60, 500_000);
  let right = 0;
  for (const { prompt, completion } of rows) {
    const messages = [{ role: 'user', content: prompt }];
    const { text } = await loop.answerer.answer({ model, messages, source: 'eval' });
    if (text === completion) right += 1;
  }
  return right / rows.length;
}

/** Cases of the latest run of the gold set. */
async function probeGold(): Promise<{ version: string; cases: number } | undefined> {
  await loop.client.workflow.execute('driftWatch', {
    ...{ workflowId: `drift-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
  });
  const [latest] = await loop.database.db.query<{ version: string; cases: number }>(
    `select model_version as version, cases from relearn.gold_runs order by at desc limit 1`,
  );
  return latest;
}

test('what one incident taught, the retrain of the next one keeps; both are asked from then on', async (t) => {
  const { db } = loop.database;
  assert.deepEqual(await probeGold(), { version: 'v1', cases: 30 });
  const first = await goThrough('gardening', 200_000);
  const held = await heldOut(first.dataset);
  assert.ok(held > 0);
  assert.deepEqual(await probeGold(), { version: 'v2', cases: 30 + held });
  assert.equal(await listedVersion(workflowId.retrain(model)), 'v2', 'the one that it made');

  const second = await goThrough('music', 300_000);
  t.diagnostic(second.seconds);
  await loop.champions.refresh();
  assert.ok((await shareRight('gardening')) > 0.95);
  assert.ok((await shareRight('music')) > 0.95);
  const { certificates, incidents, operators } = await readLineage(db, model, second.version);
  const content = z
    .object({ slices: z.array(z.object({ slice: z.string() })), gates: z.array(z.object({ slice: z.string() })) })
    .parse(certificates[0]);
  for (const { incident } of [first, second]) {
    assert.ok(content.slices.some(({ slice }) => slice === `learned/${incident}`));
    assert.ok(content.gates.some(({ slice }) => slice === `learned/${incident}`));
  }
  assert.deepEqual(incidents.map(({ name }) => name).sort(), [first.incident, second.incident].sort());
  assert.deepEqual(operators.map(({ name }) => name).sort(), ['for gardening', 'for music']);

  const traced = await traceRequests(db, { requestId: first.requestId });
  assert.deepEqual(
    traced.map(({ versions }) => versions),
    [[{ version: 'v2', champion: false, tainted: false }], [{ version: 'v3', champion: true, tainted: false }]],
  );
  const rows = await listLineageRows(db, second.dataset ?? '');
  assert.ok(rows.some(({ requestId, operator }) => requestId === first.requestId && operator === 'for gardening'));
});

async function heldOut(dataset: string | null): Promise<number> {
  return (await listLineageRows(loop.database.db, dataset ?? '')).filter(({ split }) => split === 'held_out').length;
}

async function relearn(...args: string[]): Promise<unknown> {
  const { configPath, environment } = loop.runtime;
  await writeFile(configPath, JSON.stringify(settings)); // JSON is YAML
  const { stdout } = await run(process.execPath, [cli, '--config', configPath, ...args, '--json'], {
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: environment.databaseUrl, RELEARN_HASH_KEY: hashKey },
  });
  return JSON.parse(stdout);
}

test('relearn models shows where a version comes from and what learned from a request', async () => {
  const listed = z.array(z.object({ version: z.string(), champion: z.boolean() }));
  assert.deepEqual(
    listed.parse(await relearn('models', '--model', model)).map(({ version }) => version),
    ['v1', 'v2', 'v3'],
  );
  const shown = z
    .object({ version: z.object({ run: z.number() }), rows: z.array(z.object({ requestId: z.string() })) })
    .parse(await relearn('models', 'show', 'v3', '--model', model, '--rows'));
  assert.equal(shown.version.run, 2);
  const requestId = shown.rows[0]?.requestId ?? '';
  const traced = await relearn('models', 'trace', '--request', requestId);
  assert.ok(Array.isArray(traced) && traced.length > 0);
  assert.deepEqual(await relearn('models', 'trace', '--user', 'nobody'), []);
  await assert.rejects(relearn('models', 'show', 'v9', '--model', model), /has no version of that name/);
});

test('relearn dataset build makes what a retrain would learn from, and leaves no trace of it', async () => {
  const { db } = loop.database;
  const counts = () =>
    db.query(
      `select (select count(*) from relearn.datasets) as datasets, (select count(*) from relearn.retrain_runs) as runs`,
    );
  const before = await counts();
  const built = z
    .object({ id: z.string(), path: z.string(), manifest: z.object({ run: z.literal(0), trainRows: z.number() }) })
    .parse(await relearn('dataset', 'build', '--model', model, '--output', loop.directory));
  assert.equal(built.id, (await getChampion(db, model)).dataset);
  assert.deepEqual(await counts(), before);
});

test('corrections by which the first incident would be forgotten are refused, and the reason names its slice', async () => {
  const { db } = loop.database;
  const wrong = about('gardening', 450, 700_000).map((row) => ({ ...row, completion: 'music' }));
  const truth = [...(await loop.send(wrong))];
  await storeCorrections(
    db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'mallory', source: 'api' })),
  );
  const handle = await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'mallory' }] },
  });
  const { status, reason } = (await handle.result()) as RetrainFinished;
  assert.equal(status, 'refused');
  const [first] = await db.query<{ id: string }>(`select id from relearn.incidents order by detected_at limit 1`);
  assert.match(
    reason ?? '',
    new RegExp(`Slice learned/${first?.id}: what it taught is forgotten, \\d+ of \\d+ cases lost`),
  );
  assert.doesNotMatch(reason ?? '', /Slice all|Completion/);
  assert.equal((await getChampion(db, model)).version, 'v3');
});

test('a rollback of the version that learned from it sends an incident in its grace time back to collecting', async () => {
  const { db } = loop.database;
  await db.query(`delete from relearn.corrections where operator = 'mallory'`);
  const { id, version, handle, corrections } = await openAbout('cooking', 400_000, { graceHours: 1 });
  await handle.executeUpdate('submitCorrections', { args: [{ batch: randomUUID(), corrections }] });
  const enters = (phase: string) =>
    until(`it is in ${phase}`, async () => {
      const state = await handle.query<DriftResponseState>('state').catch(() => undefined);
      return state?.phase === phase && state;
    });
  await enters('grace');
  await loop.client.workflow.execute('rollback', {
    ...{ workflowId: workflowId.rollback(model), taskQueue, args: [{ model, by: 'ann', reason: 'worse' }] },
  });
  assert.equal((await getChampion(db, model)).version, version);
  const state = await enters('collecting');
  assert.equal(state.lastRetrain?.status, 'rolled_back');
  assert.ok(state.target > state.counted);
  assert.match((await getIncident(db, id)).reason ?? '', /no longer serves/);
  await handle.signal('closeReview', { by: 'ann' });
  await handle.result();
});
