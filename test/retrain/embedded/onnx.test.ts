import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RelearnError } from '../../../src/errors.ts';
import { classify } from '../../../src/retrain/embedded/classify.ts';
import { exportOnnx } from '../../../src/retrain/embedded/export-onnx.ts';
import { createFeaturizer } from '../../../src/retrain/embedded/featurize.ts';
import { metadataKey, onnxModel, type ClassifierMetadata } from '../../../src/retrain/embedded/onnx-format.ts';
import { readOnnx } from '../../../src/retrain/embedded/read-onnx.ts';
import { trainClassifier } from '../../../src/retrain/embedded/train.ts';
import { loadOnnxModel } from '../../../src/serve/onnx.ts';
import { makeDirectory, makeRows } from './synthetic.ts';

const rows = [...makeRows('weather', 20), ...makeRows('banking', 20), ...makeRows('travel', 20)];
const classifier = await trainClassifier({ rows, seed: 1, epochs: 3 });
const metadata: ClassifierMetadata = {
  format: 1,
  featurizer: classifier.featurizer,
  labels: [...classifier.labels],
  redactorVersion: 'redactor-of-a-test',
  lowConfidenceBelow: -0.25,
  trainer: { kind: 'embedded', seed: 1, epochs: 3, repeatDataset: 3 },
  rows: rows.length,
};

function refuses(path: string, message: RegExp): Promise<void> {
  return assert.rejects(
    readOnnx(path),
    (error) => error instanceof RelearnError && error.code === 'invalid_artifact' && message.test(error.message),
  );
}

function writeForeign(path: string, entries: { key: string; value: string }[]): Promise<void> {
  const file = { irVersion: 8, producerName: 'someone', graph: { name: 'g' }, metadataProps: entries };
  return writeFile(path, onnxModel.encode(onnxModel.fromObject(file)).finish());
}

test('the ONNX file answers with the label and probability of the classifier in memory', async (context) => {
  const path = join(await makeDirectory(context), 'model.onnx');
  await writeFile(path, exportOnnx(classifier, metadata));
  const model = await loadOnnxModel(path, 'v1');
  context.after(() => model.close());
  const texts = [...rows.map(({ text }) => text), '', 'rain on my flight', 'a deposit for the hotel', '\ud800 日本'];
  const answers = await model.answer(texts.map((content) => [{ role: 'user', content }]));
  const featurize = createFeaturizer(classifier.featurizer);
  assert.equal(answers.length, texts.length);
  texts.forEach((text, at) => {
    const expected = classify(classifier, featurize(text));
    const answer = answers[at];
    assert.ok(answer?.logprob !== undefined && answer.logprob !== null);
    if (text !== '') assert.equal(answer.text, expected.label);
    assert.ok(Math.abs(Math.exp(answer.logprob) - Math.exp(expected.logprob)) < 1e-4, text);
  });
});

test('metadata comes back as it was written', async (context) => {
  const path = join(await makeDirectory(context), 'model.onnx');
  await writeFile(path, exportOnnx(classifier, metadata));
  assert.deepEqual((await readOnnx(path)).metadata, metadata);
});

test('files that are not ours are refused with what they are', async (context) => {
  const directory = await makeDirectory(context);
  const path = join(directory, 'other.onnx');
  await refuses(join(directory, 'missing.onnx'), /ENOENT/);
  await writeFile(path, 'not a model at all');
  await refuses(path, /is not an ONNX file/);
  await writeFile(path, '');
  await refuses(path, /is not an ONNX file/);
  await writeForeign(path, [{ key: 'author', value: 'someone' }]);
  await refuses(path, /by someone with metadata keys: author/);
});

test('a file of another featuriser or with broken metadata is refused', async (context) => {
  const path = join(await makeDirectory(context), 'other.onnx');
  const featurizer = { ...metadata.featurizer, version: 'hashed-ngrams-0' };
  await writeForeign(path, [{ key: metadataKey, value: JSON.stringify({ ...metadata, featurizer }) }]);
  await refuses(path, /featurizer\.version/);
  await writeForeign(path, [{ key: metadataKey, value: '{' }]);
  await refuses(path, new RegExp(metadataKey));
});

test('a file whose graph does not load is refused', async (context) => {
  const path = join(await makeDirectory(context), 'broken.onnx');
  await writeForeign(path, [{ key: metadataKey, value: JSON.stringify(metadata) }]);
  await assert.rejects(loadOnnxModel(path, 'v1'), { code: 'invalid_artifact' });
});
