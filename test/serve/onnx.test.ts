import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactorVersion } from '../../src/log/redact/index.ts';
import { loadOnnxModel } from '../../src/serve/onnx.ts';
import { makeDirectory, makeRows, trainSmallModel } from '../retrain/embedded/synthetic.ts';

const questions = [...makeRows('weather', 90), ...makeRows('banking', 90)];
const conversations = questions.map(({ text }) => [{ role: 'user', content: text }]);

test('answers come in the order of the conversations, whatever their length', async (context) => {
  const model = await loadOnnxModel(await trainSmallModel(await makeDirectory(context)), 'v3');
  context.after(() => model.close());
  const filler = Array.from({ length: 30_000 }, (_, at) => at.toString(36)).join(' ');
  const long = conversations.map(([message], at) => [
    { role: 'user', content: `${message?.content ?? ''} ${at % 60 === 0 ? filler : ''}` },
  ]);
  const together = await model.answer(long);
  const alone = [];
  for (const conversation of long) alone.push(...(await model.answer([conversation])));
  assert.equal(model.version, 'v3');
  assert.deepEqual(
    together.map(({ text }) => text),
    alone.map(({ text }) => text),
  );
  const short = questions.filter((_, at) => at % 60 !== 0).map(({ label }) => label);
  assert.deepEqual(
    together.filter((_, at) => at % 60 !== 0).map(({ text }) => text),
    short,
  );
  for (const { logprob } of together) assert.ok(logprob !== null && logprob <= 0 && logprob >= Math.log(0.5) - 1e-6);
});

test('a loaded model names its labels, threshold and redactor, and asks for redacted text', async (context) => {
  const model = await loadOnnxModel(await trainSmallModel(await makeDirectory(context)), 'v1');
  context.after(() => model.close());
  assert.deepEqual(model.labels, ['banking', 'weather']);
  assert.equal(model.lowConfidenceBelow, Math.log(0.5));
  assert.equal(model.redactorVersion, redactorVersion());
  assert.equal(model.readsRedacted, true);
});

test('no conversations get no answers, an empty text gets an even one', async (context) => {
  const model = await loadOnnxModel(await trainSmallModel(await makeDirectory(context)), 'v1');
  context.after(() => model.close());
  assert.deepEqual(await model.answer([]), []);
  const [answer] = await model.answer([[{ role: 'user', content: '' }]]);
  assert.ok(Math.abs((answer?.logprob ?? 0) - Math.log(0.5)) < 1e-6);
});

test('long texts make shorter slices, so that none blocks for long', async (context) => {
  const model = await loadOnnxModel(await trainSmallModel(await makeDirectory(context)), 'v1');
  context.after(() => model.close());
  const long = Array.from({ length: 30_000 }, (_, at) => at.toString(36)).join(' ');
  const controller = new AbortController();
  const reason = new Error('stop');
  const answers = model.answer(
    Array.from({ length: 60 }, () => [{ role: 'user', content: long }]),
    controller.signal,
  );
  controller.abort(reason);
  await assert.rejects(answers, reason);
});

test('an abort stops between two slices', async (context) => {
  const model = await loadOnnxModel(await trainSmallModel(await makeDirectory(context)), 'v1');
  context.after(() => model.close());
  const controller = new AbortController();
  const reason = new Error('stop');
  const answers = model.answer(conversations, controller.signal);
  controller.abort(reason);
  await assert.rejects(answers, reason);
});
