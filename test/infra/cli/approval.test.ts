import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { storeCorrections } from '../../../src/correct/corrections.ts';
import { listServing } from '../../../src/promote/registry.ts';
import { sendTrigger } from '../../../src/retrain/send-trigger.ts';
import { workflowId, type RetrainFinished } from '../../../src/temporal.ts';
import { examples, hashKey, model, newTopics, startLoop, until, type Loop } from '../../loop.ts';
import { temporalAddress } from '../../stack.ts';

const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.rollout = { approval: true, canary: { shares: [0.2], stepMinutes: 600 } };
  });
  await writeFile(loop.runtime.configPath, JSON.stringify(loop.config)); // JSON is YAML
  await loop.startWorker();
});
after(() => loop.close());

/** Runs `relearn` as a person does. */
async function relearn(args: string[], temporal = temporalAddress()) {
  const env = {
    ...process.env,
    ...{ NODE_OPTIONS: '', DATABASE_URL: loop.database.url, RELEARN_HASH_KEY: hashKey },
    ...{ TEMPORAL_ADDRESS: temporal, TEMPORAL_NAMESPACE: loop.namespace },
  };
  const all = [cli, ...args, '--config', loop.runtime.configPath];
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, all, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

const statusSchema = z.object({
  models: z.array(
    z.object({
      waiting: z.object({ run: z.number(), candidate: z.string(), approve: z.string(), reject: z.string() }).nullable(),
    }),
  ),
});
async function waitingInStatus() {
  const { code, stdout, stderr } = await relearn(['status', '--json']);
  assert.equal(code, 0, stderr);
  return statusSchema.parse(JSON.parse(stdout)).models[0]?.waiting;
}

/** Starts a retrain on rows that no run has learned from, and waits until its candidate asks for a person. */
async function beginRun(from: number) {
  const truth = [...(await loop.send(examples(newTopics, 40, from)))];
  await storeCorrections(
    loop.database.db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'ann', source: 'api' })),
  );
  await sendTrigger(loop.client.workflow, model, { kind: 'manual', by: 'ann' });
  const handle = loop.client.workflow.getHandle<() => Promise<RetrainFinished>>(workflowId.retrain(model));
  const waiting = await until('a run waits', async () => (await waitingInStatus()) ?? undefined);
  return { waiting, result: handle.result() };
}

async function decisions() {
  return loop.database.db.query<{ actor: string; action: string; details: object }>(
    `select actor, action, details from relearn.audit where action in ('approve_version', 'reject_version') order by id`,
  );
}

test('a decision without a run that waits, without a reason or without Temporal says what is wrong', async () => {
  const nobody = await relearn(['approve', '--reason', 'fine']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /No run of topics waits for a person/);
  for (const wrong of [[], ['--reason', ' '], ['--reason', 'fine', '--run', '0'], ['--reason', 'fine', '--by', '']]) {
    assert.equal((await relearn(['reject', ...wrong])).code, 2);
  }
  const away = await relearn(['approve', '--reason', 'fine'], '127.0.0.1:1');
  assert.equal(away.code, 1);
  assert.match(away.stderr, /Temporal at 127\.0\.0\.1:1 does not answer/);
  assert.match((await relearn(['approve', '--reason', 'fine', '--model', 'nix'])).stderr, /There is no model nix/);
  assert.equal(await waitingInStatus(), null);
});

test('status shows the run that waits and the command; reject keeps the champion and its reason, redacted', async () => {
  const { waiting, result } = await beginRun(90_000);
  assert.deepEqual([waiting.run, waiting.candidate], [1, 'v2']);
  const { stdout } = await relearn(['status']);
  assert.match(
    stdout,
    /topics: run 1 waits for a person to decide about v2:\n {2}relearn approve --model topics --run 1/,
  );
  const wrong = await relearn(['approve', '--run', '9', '--reason', 'fine']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /Run 9 of topics does not wait for a person\. Waiting: --model topics --run 1\./);

  const away = await relearn(['status', '--json'], '127.0.0.1:1');
  assert.equal(away.code, 0);
  assert.match(away.stderr, /warning: whether a retrain run waits for a person cannot be told/);

  const rejected = await relearn(['reject', '--by', 'bob', '--reason', 'not yet, ask eve@example.com']);
  assert.equal(rejected.code, 0, rejected.stderr);
  assert.match(rejected.stdout, /v2 of topics \(run 1\) is rejected: the champion stays/);
  assert.equal((await result).status, 'rejected');
  assert.deepEqual(await decisions(), [
    { actor: 'bob', action: 'reject_version', details: { run: 1, reason: 'not yet, ask [EMAIL]' } },
  ]);
  assert.equal((await relearn(['reject', '--run', '1', '--reason', 'again'])).code, 1);
});

test('approve lets the candidate begin its rollout, and models shows the challenger with its share', async () => {
  const { waiting, result } = await beginRun(100_000);
  const { candidate, run } = waiting;
  const approved = await relearn(['approve', '--model', model, '--run', String(run), '--reason', 'good', '--json']);
  assert.equal(approved.code, 0, approved.stderr);
  assert.deepEqual(JSON.parse(approved.stdout), { model, run, candidate, decision: 'approve' });
  await until('a challenger answers', async () => (await listServing(loop.database.db, [model])).length === 2);
  assert.match((await relearn(['models'])).stdout, new RegExp(`${candidate} .* challenger, 20 % `));
  assert.equal(await waitingInStatus(), null);
  await loop.client.workflow
    .getHandle(workflowId.retrainRun(model, run))
    .signal('rollback', { by: 'ann', reason: 'x' });
  assert.equal((await result).status, 'rolled_back');
});
