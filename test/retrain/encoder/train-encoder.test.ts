import { redactorVersion } from '../../../src/log/redact/index.ts';
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { trainEncoderInThread } from '../../../src/retrain/embedded/train-in-thread.ts';
import { loadOnnxModelInThread } from '../../../src/serve/onnx-thread.ts';
import { loadOnnxModel } from '../../../src/serve/onnx.ts';
import { makeDirectory, trainSmallModel, writeJsonl } from '../embedded/synthetic.ts';
import { writeTinyEncoder } from './tiny-encoder.ts';

const rows = ['rain wind', 'sunny', 'cold wind', 'rain'].map((prompt) => ({ prompt, completion: 'weather' }));
const others = ['bank loan', 'card', 'money account', 'loan'].map((prompt) => ({ prompt, completion: 'banking' }));

async function job(context: TestContext) {
  const directory = await makeDirectory(context);
  const base = await writeJsonl(join(directory, 'base.jsonl'), [...rows, ...others]);
  const gold = await writeJsonl(join(directory, 'gold.jsonl'), [{ prompt: 'cold sunny', completion: 'weather' }]);
  const files = { base, calibration: [gold] };
  const parts = await writeTinyEncoder(directory);
  return {
    files,
    ...parts,
    maxTokens: 16,
    output: join(directory, 'model.onnx'),
    seed: 1,
    epochs: 30,
    redactorVersion: redactorVersion(),
  };
}

test('encoder and head are one file that answers with label and log-probability, in a thread too', async (context) => {
  const plan = await job(context);
  const outcome = await trainEncoderInThread(plan);
  assert.equal(outcome.labels, 2);
  assert.equal(outcome.rows, 8);
  const [here, there] = await Promise.all([loadOnnxModel(plan.output, 'v1'), loadOnnxModelInThread(plan.output, 'v1')]);
  context.after(() => Promise.all([here.close(), there.close()]));
  const asked = ['cold rain', 'a card, please', 'sunny'].map((content) => [{ role: 'user', content }]);
  const answers = await here.answer(asked);
  assert.deepEqual(
    answers.map(({ text }) => text),
    ['weather', 'banking', 'weather'],
  );
  for (const { logprob } of answers) assert.ok(logprob !== null && logprob < 0 && logprob > Math.log(0.5));
  assert.deepEqual(await there.answer(asked), answers);
  const [gold] = await here.answer([[{ role: 'user', content: 'cold sunny' }]]);
  assert.ok(Math.abs((gold?.logprob ?? 0) - outcome.lowConfidenceBelow) < 1e-4);
  assert.equal(here.lowConfidenceBelow, outcome.lowConfidenceBelow);
});

test('it embeds texts as its head reads them, in a thread too; a classifier of n-grams does not', async (context) => {
  const plan = await job(context);
  await trainEncoderInThread(plan);
  const [here, there] = await Promise.all([loadOnnxModel(plan.output, 'v1'), loadOnnxModelInThread(plan.output, 'v1')]);
  context.after(() => Promise.all([here.close(), there.close()]));
  const texts = Array.from({ length: 40 }, (_, n) => ['cold rain', 'card', ''][n % 3] ?? '');
  const found = await there.embed?.(texts);
  assert.deepEqual(found, await here.embed?.(texts));
  assert.equal(found?.length, 40);
  for (const vector of found) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
  assert.deepEqual(found[0], found[3]);
  assert.notDeepEqual(found[0], found[1]);
  const controller = new AbortController();
  const reason = new Error('stop');
  const embedding = there.embed?.(texts, controller.signal);
  controller.abort(reason);
  await assert.rejects(embedding ?? Promise.resolve(), reason);
  const plain = await loadOnnxModelInThread(await trainSmallModel(await makeDirectory(context)), 'v1');
  context.after(() => plain.close());
  assert.equal(plain.embed, undefined);
});

test('the same seed gives the same bytes', async (context) => {
  const plan = await job(context);
  await trainEncoderInThread(plan);
  const first = await readFile(plan.output);
  await trainEncoderInThread(plan);
  assert.ok(first.equals(await readFile(plan.output)));
});

test('an abort ends the training and leaves no file', async (context) => {
  const plan = await job(context);
  const controller = new AbortController();
  const reason = new Error('stop');
  const stopped = trainEncoderInThread({ ...plan, epochs: 1e7 }, () => controller.abort(reason), controller.signal);
  await assert.rejects(stopped, reason);
  assert.deepEqual(
    (await readdir(dirname(plan.output))).filter((name) => name.startsWith('model.onnx')),
    [],
  );
});

test('what is no sentence encoder is refused, naming what it asks for', async (context) => {
  const plan = await job(context);
  const encoder = await trainSmallModel(await makeDirectory(context));
  await assert.rejects(trainEncoderInThread({ ...plan, encoder }), {
    code: 'invalid_artifact',
    message: /it asks for ids, weights/,
  });
  const missing = trainEncoderInThread({ ...plan, encoder: `${plan.encoder}.none` });
  await assert.rejects(missing, { code: 'invalid_artifact', message: /Cannot read the encoder/ });
});
