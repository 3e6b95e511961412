import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { whyNotStored } from '../../../src/correct/import-corrections.ts';
import { workflowId } from '../../../src/temporal.ts';
import { examples, hashKey, model, newTopics, startLoop, until, type Loop } from '../../loop.ts';
import { temporalAddress } from '../../stack.ts';

const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.retrain['minCorrected'] = 1000; // nothing here is to end in a retrain
    topics.drift['gold'] = topics.evals.pack; // enough cases for a drop to be seen
  });
  await writeFile(loop.runtime.configPath, JSON.stringify(loop.config)); // JSON is YAML
  await loop.startWorker();
});
after(() => loop.close());

/** Runs `relearn` as a person does. */
const relearn = (...args: string[]) => relearnOn(temporalAddress(), ...args);

async function relearnOn(
  temporal: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    ...{ NODE_OPTIONS: '', DATABASE_URL: loop.database.url, RELEARN_HASH_KEY: hashKey },
    ...{ TEMPORAL_ADDRESS: temporal, TEMPORAL_NAMESPACE: loop.namespace },
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...args, '--config', loop.runtime.configPath],
      { env },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      },
    );
  });
}
async function json<Schema extends z.ZodType>(schema: Schema, ...args: string[]): Promise<z.output<Schema>> {
  const { code, stdout, stderr } = await relearn(...args, '--json');
  assert.equal(code, 0, stderr);
  return schema.parse(JSON.parse(stdout));
}

const checked = z.object({
  status: z.string(),
  monitors: z.array(z.object({ monitor: z.string(), state: z.string(), reason: z.string() })),
  expectedDelays: z.array(z.object({ points: z.number(), looks: z.number().nullable() })),
});
const reported = z.object({ incident: z.string(), created: z.boolean(), state: z.string() });
const event = ['drift', 'report', '--model', model, '--event-id', 'pager-1', '--monitor', 'slo'];

test('drift check looks now, says what each monitor says, and how soon a drop would be seen', async () => {
  const first = await json(checked, 'drift', 'check', '--model', model);
  assert.deepEqual(
    [first.status, first.monitors.find(({ monitor }) => monitor === 'gold_set')?.state],
    ['unknown', 'unknown'],
  );
  const second = await json(checked, 'drift', 'check', '--model', model);
  assert.equal(second.status, 'clean');
  const [large, small] = second.expectedDelays;
  assert.ok(large?.looks != null && small !== undefined && large.looks <= (small.looks ?? Infinity));
  const { stdout } = await relearn('drift', 'check', '--model', model);
  assert.match(stdout, /topics: clean\n(.*\n)* {2}gold_set: clean\. Gold set: .* pass/);
  assert.match(stdout, /A drop of the gold set's pass rate by 10 points would be seen after \d+ look/);
  assert.equal((await relearn('drift', 'check', '--model', 'nix')).code, 1);
});

test('drift report opens one incident for an event, starts its response, and shows in status without the text', async () => {
  const first = await json(reported, ...event, '--reason', 'ask ann@example.com');
  assert.ok(first.created);
  const again = await json(reported, ...event, '--reason', 'the same once more');
  assert.deepEqual([again.incident, again.created], [first.incident, false]);
  const handle = loop.client.workflow.getHandle(workflowId.driftResponse(model, first.incident));
  const state = () => handle.query<{ phase: string }>('state').catch(() => undefined);
  await until('it collects', async () => (await state())?.phase === 'collecting');
  const stored = await loop.database.db.query(`select * from relearn.incidents`);
  assert.ok(!JSON.stringify(stored).includes('ann@example.com'));
  const { stdout } = await relearn('status');
  assert.match(stdout, new RegExp(`${first.incident}.*\\(collecting\\)`));
  assert.match(stdout, /topics gold_set: clean\. Gold set/);
  for (const wrong of [
    ['--reason', 'x', '--detected-at', 'yesterday'],
    ['--reason', 'x', '--detected-at', '2999-01-01T00:00:00Z'],
    [],
  ]) {
    assert.notEqual((await relearn(...event, ...wrong)).code, 0);
  }
});

test('the queue goes out as CSV, is filled in, and comes back as corrections that the incident counts; wrong lines are told', async () => {
  const truth = await loop.send(
    examples(newTopics, 20, 0).map((row) => ({ ...row, prompt: `${row.prompt}, "now"\n=1` })),
  );
  const handle = loop.client.workflow.getHandle(
    workflowId.driftResponse(model, (await json(reported, ...event, '--reason', 'x')).incident),
  );
  await loop.database.db.query(
    `update relearn.samples set kept_because = 'low_confidence' where source = 'production'`,
  );
  const queue = join(loop.directory, 'queue.csv');
  const exported = await relearn('review', 'export', '--model', model, '--out', queue);
  assert.equal(exported.code, 0, exported.stderr);
  const nowhere = await relearn('review', 'export', '--out', join(loop.directory, 'nowhere', 'queue.csv'));
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /Cannot write --out .*queue\.csv \(ENOENT\)\. Wanted a file/);
  const nobody = await relearn('review', 'correct', 'nobody', 'music');
  assert.deepEqual(
    [nobody.code, nobody.stdout.trim()],
    [1, `nobody: unknown_request, ${whyNotStored.unknown_request}`],
  );
  const rows = z
    .array(z.looseObject({ request_id: z.string(), prompt: z.string() }))
    .parse(parse(await readFile(queue, 'utf8'), { columns: true }));
  const kept = rows.filter(({ request_id: id }) => truth.has(id));
  assert.ok(kept.length > 0 && kept.every(({ prompt }) => prompt.endsWith('"now"\n=1')));

  const filled = kept.map((row, n) => ({ ...row, completion: n === 0 ? '' : truth.get(row.request_id) }));
  const unknown = { ...kept[0], request_id: 'nobody', completion: 'music' };
  const file = join(loop.directory, 'filled.csv');
  await writeFile(file, stringify([...filled, unknown], { header: true }));
  const result = await relearn('review', 'import', file, '--operator', 'ann', '--json');
  assert.equal(result.code, 1, 'a line was wrong');
  const outcome = z
    .object({ stored: z.number(), empty: z.number(), unknown_request: z.number() })
    .parse(JSON.parse(result.stdout));
  assert.deepEqual(outcome, { stored: kept.length - 1, empty: 1, unknown_request: 1 });
  const again = await relearn('review', 'import', file, '--operator', 'ann');
  assert.match(again.stdout, new RegExp(`0 stored, ${kept.length - 1} repeated`));
  const corrected = await relearn('review', 'export', '--model', model, '--corrected', '--format', 'csv');
  assert.equal(z.array(z.unknown()).parse(parse(corrected.stdout, { columns: true })).length, kept.length - 1);
  await handle.signal('closeReview', { by: 'ann', reason: 'seen' });
  await handle.result();
});

test('an import while Temporal is away stores every batch, warns, and the same once more tells the incident', async () => {
  const truth = [...(await loop.send(examples(newTopics, 12, 50_000)))];
  const { incident } = await json(reported, ...event, '--event-id', 'pager-2', '--reason', 'x');
  const handle = loop.client.workflow.getHandle(workflowId.driftResponse(model, incident));
  const lines = Array.from({ length: 600 }, (_, n) => {
    const [request_id, completion] = truth[n % truth.length] ?? [];
    return `${JSON.stringify({ request_id, completion, operator: n < 500 ? 'ann' : 'bob' })}\n`;
  });
  const file = join(loop.directory, 'away.jsonl');
  await writeFile(file, lines.join(''));

  const { code, stdout, stderr } = await relearnOn('127.0.0.1:1', 'review', 'import', file);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`${2 * truth.length} stored`));
  assert.equal(stderr.match(/warning: Corrections are stored, but driftResponse could not be told/g)?.length, 1);
  const audited = await loop.database.db.query<{ details: { stored: number } }>(
    `select details from relearn.audit where action = 'correct_in_bulk' order by id desc limit 1`,
  );
  assert.equal(audited[0]?.details.stored, 2 * truth.length);

  const again = await relearn('review', 'import', file);
  assert.deepEqual([again.code, again.stderr], [0, '']);
  const { events } = await handle.fetchHistory();
  const signals = events?.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName);
  assert.ok(signals?.includes('correctionsRecorded'));
  await handle.signal('closeReview', { by: 'ann', reason: 'seen' });
  await handle.result();
});
