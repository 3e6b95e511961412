import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadOnnxModelInThread } from '../../src/serve/onnx-thread.ts';
import { loadOnnxModel } from '../../src/serve/onnx.ts';
import { makeDirectory, makeRows, trainSmallModel } from '../retrain/embedded/synthetic.ts';

const questions = [...makeRows('weather', 90), ...makeRows('travel', 90)];
const conversations = questions.map(({ text }) => [{ role: 'user', content: text }]);

test('a thread gives the answers of the model in this process, several callers at once', async (context) => {
  const path = await trainSmallModel(await makeDirectory(context));
  const [here, there] = await Promise.all([loadOnnxModel(path, 'v1'), loadOnnxModelInThread(path, 'v1')]);
  context.after(() => Promise.all([here.close(), there.close()]));
  const expected = await here.answer(conversations);
  const [all, some] = await Promise.all([there.answer(conversations), there.answer(conversations.slice(100))]);
  assert.deepEqual(all, expected);
  assert.deepEqual(some, expected.slice(100));
  const { labels, lowConfidenceBelow, redactorVersion, readsRedacted, version } = here;
  assert.deepEqual(
    [there.labels, there.lowConfidenceBelow, there.redactorVersion, there.readsRedacted, there.version],
    [labels, lowConfidenceBelow, redactorVersion, readsRedacted, version],
  );
});

test('a file the thread cannot load is refused as in this process', async (context) => {
  const path = join(await makeDirectory(context), 'model.onnx');
  await writeFile(path, 'not a model');
  await assert.rejects(loadOnnxModelInThread(path, 'v1'), { code: 'invalid_artifact', message: /not an ONNX file/ });
});

test('answers under way and later ones are rejected when the thread ends, and closing twice is fine', async (context) => {
  const model = await loadOnnxModelInThread(await trainSmallModel(await makeDirectory(context)), 'v7');
  const underWay = assert.rejects(model.answer(conversations), { code: 'model_not_ready', message: /v7/ });
  await model.close();
  await underWay;
  await assert.rejects(model.answer(conversations), { code: 'model_not_ready', message: /v7/ });
  await model.close();
});

test('an abort stops between two requests to the thread', async (context) => {
  const model = await loadOnnxModelInThread(await trainSmallModel(await makeDirectory(context)), 'v1');
  context.after(() => model.close());
  const controller = new AbortController();
  const reason = new Error('stop');
  const answers = model.answer(conversations, controller.signal);
  controller.abort(reason);
  await assert.rejects(answers, reason);
});
