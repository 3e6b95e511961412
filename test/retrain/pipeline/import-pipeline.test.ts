import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { adoptOnnx } from '../../../src/retrain/pipeline/adopt-onnx.ts';
import { importPipeline } from '../../../src/retrain/pipeline/import-pipeline.ts';
import { kindOfScores, logprobOf } from '../../../src/retrain/pipeline/scores.ts';
import { loadOnnxModel } from '../../../src/serve/onnx.ts';
import { makeDirectory, trainSmallModel } from '../embedded/synthetic.ts';
import { checkPipeline, pipelineNames } from './pipelines.ts';

/** Written by export_five.py with scikit-learn 1.9 and skl2onnx 1.20. */
const fixtures = fileURLToPath(new URL('../../../../test/retrain/pipeline/fixtures', import.meta.url));

for (const name of pipelineNames) {
  test(`a ${name} pipeline of scikit-learn answers with its labels and probabilities`, async (context) => {
    await checkPipeline(fixtures, name, await makeDirectory(context));
  });
}

test('the import says what it rewrote and what cannot be known', async () => {
  const notesOf = async (name: string) => {
    const path = join(fixtures, `${name}.onnx`);
    return (await importPipeline(await readFile(path), path)).notes.join('\n');
  };
  assert.match(await notesOf('logistic'), /locale C\.UTF-8\nZipMap dropped: the output output_probability/);
  assert.match(await notesOf('svc'), /Scores, not probabilities.*not calibrated/);
  assert.doesNotMatch(await notesOf('bayes'), /Scores/);
});

test('low confidence of an import is calibrated on gold set and eval pack', async (context) => {
  const directory = await makeDirectory(context);
  const texts = z
    .array(z.object({ prompt: z.string() }))
    .parse(JSON.parse(await readFile(join(fixtures, 'bayes.json'), 'utf8')));
  const prompts = texts.map(({ prompt }) => prompt);
  const adopted = await adoptOnnx(join(fixtures, 'bayes.onnx'), join(directory, 'model.onnx'), prompts);
  const model = await loadOnnxModel(adopted.file, 'v1');
  context.after(() => model.close());
  const answers = await model.answer(prompts.map((content) => [{ role: 'user', content }]));
  const sorted = answers.map(({ logprob }) => logprob ?? 0).sort((one, other) => one - other);
  assert.equal(adopted.lowConfidenceBelow, sorted[1]);
});

test('a file of our own is taken as it is', async (context) => {
  const directory = await makeDirectory(context);
  const file = await trainSmallModel(directory);
  const adopted = await adoptOnnx(file, join(directory, 'unused.onnx'), []);
  assert.equal(adopted.file, file);
  assert.deepEqual(adopted.notes, []);
});

test('what is no text classifier is refused, naming what it is', async (context) => {
  const directory = await makeDirectory(context);
  const refused = async (name: string, bytes: Uint8Array, message: RegExp) => {
    await assert.rejects(importPipeline(bytes, name), { code: 'invalid_artifact', message });
  };
  await refused('noise.onnx', Buffer.from('not a model'), /it is not an ONNX model/);
  await refused('ours.onnx', await readFile(await trainSmallModel(directory)), /its inputs are ids, weights/);
  const cut = join(directory, 'cut.onnx');
  await writeFile(cut, (await readFile(join(fixtures, 'bayes.onnx'))).subarray(0, 900));
  await assert.rejects(adoptOnnx(cut, join(directory, 'out.onnx'), []), { code: 'invalid_artifact' });
});

test('scores become log-probabilities: as they are, by softmax, or by sigmoid', () => {
  assert.equal(kindOfScores(Float32Array.of(0.25, 0.75, 0.5, 0.5), 2), 'probabilities');
  assert.equal(kindOfScores(Float32Array.of(0.25, 0.75, 1.5, -0.5), 2), 'scores');
  const near = (got: number, wanted: number) => assert.ok(Math.abs(got - wanted) < 1e-6, `${got}`);
  near(logprobOf(Float32Array.of(0.25, 0.75), 'probabilities'), Math.log(0.75));
  near(logprobOf(Float32Array.of(0, Math.log(3)), 'scores'), Math.log(0.75));
  near(logprobOf(Float32Array.of(-Math.log(3)), 'scores'), Math.log(0.75));
});
