import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { temporalAddress } from '../../stack.ts';
import { examples, hashKey, knownTopics, model, startLoop, type Loop } from '../../loop.ts';

const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
let loop: Loop;
before(async () => {
  loop = await startLoop();
  await writeFile(loop.runtime.configPath, JSON.stringify(loop.config)); // JSON is YAML
});
after(() => loop.close());

/** Runs `relearn eval` as a person does. */
async function relearnEval(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    ...{ NODE_OPTIONS: '', DATABASE_URL: loop.database.url, RELEARN_HASH_KEY: hashKey },
    ...{ TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_NAMESPACE: loop.namespace },
  };
  const { configPath } = loop.runtime;
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, 'eval', '--config', configPath, ...options], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

async function pack(name: string, rows: readonly object[]): Promise<string> {
  const path = join(loop.directory, name);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

test('the champion is evaluated slice by slice, and its gates decide the exit code', async () => {
  const good = await relearnEval('--model', model);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /topics v1/);
  assert.match(good.stdout, /required gate passed: Slice all: \d+ of 120 cases pass, wanted 0.9/);
  assert.match(good.stdout, /verdict: pass/);

  const rows = examples(knownTopics, 30, 30_000).map((row, n) => ({ ...row, slice: n % 3 === 0 ? 'third' : 'rest' }));
  const wrong = rows.map((row) => (row.slice === 'third' ? { ...row, completion: 'nothing known' } : row));
  const bad = await relearnEval('--model', model, '--pack', await pack('bad.jsonl', wrong), '--json');
  assert.equal(bad.code, 1, bad.stderr);
  const { slices } = z
    .object({ slices: z.array(z.object({ slice: z.string(), passed: z.number() })) })
    .parse(JSON.parse(bad.stdout));
  assert.equal(slices.find(({ slice }) => slice === 'third')?.passed, 0);

  const few = await relearnEval('--model', model, '--pack', await pack('few.jsonl', rows.slice(0, 3)));
  assert.equal(few.code, 3);
  assert.match(few.stdout, /3 cases, 7 more are needed/);
});

test('a verdict that no gate explains says its reason', async () => {
  const compared = join(loop.directory, 'compared.json');
  const gates = [{ metric: 'pass_rate', slice: 'all', required: true, maxDrop: 0.05 }];
  const own = loop.config.models[model];
  const models = { [model]: { ...own, evals: { ...own?.evals, gates } } };
  await writeFile(compared, JSON.stringify({ ...loop.config, models }));
  const { code, stdout, stderr } = await relearnEval('--model', model, '--config', compared);
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^verdict: fail\. Only comparisons are required, and there is no champion to compare with\./m);
});

test('a pack that cannot be used says where and why', async () => {
  const broken = await pack('broken.jsonl', [{ prompt: 'x', assert: [{ type: 'regex', value: '(' }] }]);
  const result = await relearnEval('--model', model, '--pack', broken);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /broken\.jsonl:1: assert\.0\.value: not a regular expression/);
  const judged = await pack('judged.jsonl', [{ prompt: 'x', assert: [{ type: 'llm-rubric', value: 'kind' }] }]);
  assert.match((await relearnEval('--model', model, '--pack', judged)).stderr, /evals\.judge must be set/);
  assert.equal((await relearnEval()).code, 2);
});

test('a certificate is checked in the registry and in a file; a changed one exits with 1 and says so', async () => {
  const good = await relearnEval('--model', model, '--verify');
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /topics v1\. Good: signed with key [0-9a-f]{16}/);
  assert.match(good.stdout, /incumbent/);

  const exported = (await relearnEval('--model', model, '--verify', 'v1', '--json')).stdout;
  const file = join(loop.directory, 'certificate.json');
  await writeFile(file, exported);
  assert.equal((await relearnEval('--verify', file)).code, 0);
  await writeFile(file, exported.replace('"version":"v1"', '"version":"v2"'));
  const changed = await relearnEval('--verify', file);
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /NOT GOOD: its content is not what its id names/);

  const { db } = loop.database;
  await db.query(`update relearn.versions set kind = 'upstream', metadata = metadata || '{"upstreamModel":"other"}'`);
  const turned = await relearnEval('--model', model, '--verify');
  assert.equal(turned.code, 1);
  assert.match(turned.stdout, /NOT GOOD: .*another model, adapter or endpoint of an upstream/);
  await db.query(`update relearn.versions set kind = 'onnx', metadata = metadata - 'upstreamModel'`);

  await db.query(`update relearn.certificates set signature = null`);
  const unsigned = await relearnEval('--model', model, '--verify');
  assert.equal(unsigned.code, 1);
  assert.match(unsigned.stdout, /NOT GOOD: .*it is not signed/);
  assert.equal((await relearnEval('--model', model, '--verify', 'v9')).code, 1);
});
