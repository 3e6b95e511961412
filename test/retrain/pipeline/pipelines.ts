import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { importPipeline } from '../../../src/retrain/pipeline/import-pipeline.ts';
import { loadOnnxModel } from '../../../src/serve/onnx.ts';

export const pipelineNames = ['logistic', 'bayes', 'sgd', 'svc', 'forest'] as const;

const answersSchema = z.array(z.object({ prompt: z.string(), label: z.string(), probability: z.number().optional() }));

/** Imports `name`.onnx of a folder, loads it, and compares its answers with scikit-learn's in `name`.json. */
export async function checkPipeline(folder: string, name: string, scratch: string): Promise<void> {
  const path = join(folder, `${name}.onnx`);
  const output = join(scratch, `${name}.onnx`);
  await writeFile(output, (await importPipeline(await readFile(path), path)).bytes);
  const expected = answersSchema.parse(JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')));
  const model = await loadOnnxModel(output, 'v1');
  try {
    assert.deepEqual(model.labels, ['banking', 'travel', 'weather']);
    const answers = await model.answer(expected.map(({ prompt }) => [{ role: 'user', content: prompt }]));
    assert.deepEqual(
      answers.map(({ text }) => text),
      expected.map(({ label }) => label),
    );
    for (const [at, { logprob }] of answers.entries()) {
      assert.ok(logprob !== null && logprob <= 0);
      const wanted = expected[at]?.probability;
      if (wanted !== undefined)
        assert.ok(Math.abs(Math.exp(logprob) - wanted) < 1e-4, `${Math.exp(logprob)} ${wanted}`);
    }
  } finally {
    await model.close();
  }
}
