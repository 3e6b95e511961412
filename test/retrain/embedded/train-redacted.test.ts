import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRedactor } from '../../../src/log/redact/index.ts';
import { readOnnx } from '../../../src/retrain/embedded/read-onnx.ts';
import { trainEmbedded } from '../../../src/retrain/embedded/train-in-thread.ts';
import { startFakeAnalyzer } from '../../log/redact/fake-analyzer.ts';
import { makeDirectory, makeRows, toExamples, writeJsonl } from './synthetic.ts';

test('base, dataset, gold and eval rows are read as both redactors leave them, and the file says by which', async (t) => {
  const analyzer = await startFakeAnalyzer(['Ann Lee']);
  t.after(() => analyzer.close());
  const directory = await makeDirectory(t);
  const output = join(directory, 'model.onnx');
  const { version } = createRedactor({ numbered: true, chain: analyzer.chain });
  const rows = [...makeRows('weather', 20), ...makeRows('banking', 20)];
  const asked = (from: string) => `${from} of Ann Lee, bob@x.com`;
  const examples = (from: string) => [...toExamples(rows), { prompt: asked(from), completion: 'weather' }];
  const pair = {
    messages: [
      { role: 'user', content: asked('dataset') },
      { role: 'assistant', content: 'banking' },
    ],
  };
  const files = {
    base: await writeJsonl(join(directory, 'base.jsonl'), [
      ...examples('base'),
      { prompt: 'gold of [PERSON], [EMAIL_1]', completion: 'banking' },
    ]),
    dataset: await writeJsonl(join(directory, 'dataset.jsonl'), [pair]),
    calibration: [await writeJsonl(join(directory, 'gold.jsonl'), [{ prompt: asked('gold'), completion: 'weather' }])],
  };
  const job = { files, output, seed: 1, epochs: 2, redactorVersion: version };
  const { contaminated } = await trainEmbedded({ ...job, chain: analyzer.chain });
  assert.equal(contaminated, 1, 'the gold case is known in the base set by what redaction leaves of both');
  for (const from of ['base', 'dataset', 'gold']) {
    assert.ok(analyzer.texts.includes(`${from} of Ann Lee, [EMAIL_1]`), from);
  }
  assert.equal((await readOnnx(output)).metadata.redactorVersion, version);

  const refused = { code: 'invalid_arguments', message: /this process has relearn-redact\/\d\+numbered\. / };
  await assert.rejects(trainEmbedded(job), refused);
  analyzer.become('fails');
  await assert.rejects(trainEmbedded({ ...job, chain: analyzer.chain }), { code: 'redactor_unavailable' });
});
