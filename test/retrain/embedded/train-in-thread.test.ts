import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { redactorVersion } from '../../../src/log/redact/index.ts';
import { readOnnx } from '../../../src/retrain/embedded/read-onnx.ts';
import { trainEmbedded } from '../../../src/retrain/embedded/train-in-thread.ts';
import { loadOnnxModel } from '../../../src/serve/onnx.ts';
import { makeDirectory, makeRows, toExamples, writeJsonl } from './synthetic.ts';

const rows = [...makeRows('weather', 40), ...makeRows('banking', 40)];
const defaults = { seed: 1, epochs: 5, redactorVersion };

test('base and corrections become a model that knows both', async (context) => {
  const directory = await makeDirectory(context);
  const output = join(directory, 'model.onnx');
  const pairs = makeRows('travel', 10).map(({ text, label }) => ({
    messages: [
      { role: 'user', content: text },
      { role: 'assistant', content: ` ${label}\n` },
    ],
  }));
  const files = {
    base: await writeJsonl(join(directory, 'base.jsonl'), toExamples(rows)),
    dataset: await writeJsonl(join(directory, 'dataset.jsonl'), pairs),
    calibration: [],
  };
  const progress: number[] = [];
  const outcome = await trainEmbedded({ ...defaults, files, output }, (fraction) => progress.push(fraction));
  assert.equal(outcome.rows, 90);
  assert.equal(outcome.labels, 3);
  assert.equal(outcome.lowConfidenceBelow, Math.log(0.5));
  assert.equal(progress.at(-1), 1);
  const model = await loadOnnxModel(output, 'v2');
  context.after(() => model.close());
  const unseen = [...makeRows('weather', 8, 40), ...makeRows('banking', 8, 40), ...makeRows('travel', 8, 10)];
  const answers = await model.answer(unseen.map(({ text }) => [{ role: 'user', content: text }]));
  assert.deepEqual(
    answers.map(({ text }) => text),
    unseen.map(({ label }) => label),
  );
  assert.deepEqual(await readdir(directory), ['base.jsonl', 'dataset.jsonl', 'model.onnx']);
});

test('low confidence is below the 10 % quantile of the calibration rows', async (context) => {
  const directory = await makeDirectory(context);
  const output = join(directory, 'model.onnx');
  const mixed = makeRows('travel', 30);
  const calibration = [
    await writeJsonl(join(directory, 'gold.jsonl'), toExamples(rows.slice(0, 30))),
    await writeJsonl(join(directory, 'eval.jsonl'), toExamples(mixed)),
  ];
  const base = await writeJsonl(join(directory, 'base.jsonl'), toExamples(rows));
  const outcome = await trainEmbedded({ ...defaults, files: { base, calibration }, output });
  assert.equal((await readOnnx(output)).metadata.lowConfidenceBelow, outcome.lowConfidenceBelow);
  const model = await loadOnnxModel(output, 'v1');
  context.after(() => model.close());
  const prompts = [...rows.slice(0, 30), ...mixed].map(({ text }) => [{ role: 'user', content: text }]);
  const logprobs = (await model.answer(prompts)).map(({ logprob }) => logprob ?? 0).sort((one, two) => one - two);
  assert.ok(Math.abs((logprobs[6] ?? 0) - outcome.lowConfidenceBelow) < 1e-4);
});

test('training reads redacted text: raw and redacted files give the same bytes', async (context) => {
  const directory = await makeDirectory(context);
  const withEmails = (address: (at: number) => string) =>
    toExamples(rows.map(({ text, label }, at) => ({ text: `${text} ${address(at)}`, label })));
  const train = async (name: string, examples: unknown[]) => {
    const base = await writeJsonl(join(directory, `${name}.jsonl`), examples);
    const output = join(directory, `${name}.onnx`);
    await trainEmbedded({ ...defaults, files: { base, calibration: [] }, output });
    return readFile(output);
  };
  const raw = await train(
    'raw',
    withEmails((at) => `someone.${at}@mail.example.com`),
  );
  const redacted = await train(
    'redacted',
    withEmails(() => '[EMAIL]'),
  );
  assert.ok(raw.equals(redacted));
});

test('an abort ends the thread and leaves no file', async (context) => {
  const directory = await makeDirectory(context);
  const base = await writeJsonl(join(directory, 'base.jsonl'), toExamples(rows));
  const controller = new AbortController();
  const reason = new Error('stop');
  const job = { ...defaults, epochs: 10_000_000, files: { base, calibration: [] }, output: join(directory, 'm.onnx') };
  await assert.rejects(
    trainEmbedded(job, () => controller.abort(reason), controller.signal),
    reason,
  );
  assert.deepEqual(await readdir(directory), ['base.jsonl']);
});

test('a model that cannot take its place leaves nothing behind', async (context) => {
  const directory = await makeDirectory(context);
  const base = await writeJsonl(join(directory, 'base.jsonl'), toExamples(rows));
  const output = join(directory, 'taken');
  await mkdir(output);
  await assert.rejects(trainEmbedded({ ...defaults, files: { base, calibration: [] }, output }), { code: 'EISDIR' });
  assert.deepEqual(await readdir(directory), ['base.jsonl', 'taken']);
});

test('a training that fails says why and leaves the last model in place', async (context) => {
  const directory = await makeDirectory(context);
  const output = join(directory, 'model.onnx');
  await writeFile(output, 'the last model');
  const base = join(directory, 'base.jsonl');
  await writeFile(base, '{"prompt":"a","completion":"b"}\n{"prompt":"a"}\n');
  const job = { ...defaults, files: { base, calibration: [] }, output };
  await assert.rejects(trainEmbedded(job), { code: 'invalid_rows', message: /base\.jsonl:2: completion/ });
  await writeJsonl(base, toExamples(makeRows('weather', 3)));
  await assert.rejects(trainEmbedded(job), { code: 'invalid_rows', message: /1 different completions/ });
  await writeJsonl(base, toExamples(rows));
  await assert.rejects(trainEmbedded({ ...job, redactorVersion: 'other/9' }), { code: 'invalid_arguments' });
  const dataset = await writeJsonl(join(directory, 'dataset.jsonl'), [{ messages: [{ role: 'user', content: 'a' }] }]);
  const broken = { ...job, files: { ...job.files, dataset } };
  await assert.rejects(trainEmbedded(broken), { code: 'invalid_rows', message: /dataset\.jsonl:1: messages/ });
  assert.equal(await readFile(output, 'utf8'), 'the last model');
  assert.deepEqual(await readdir(directory), ['base.jsonl', 'dataset.jsonl', 'model.onnx']);
});

test('gold and eval cases, and near copies of them, are left out of the base set', async (context) => {
  const directory = await makeDirectory(context);
  const asked = 'please send my parcel to the office in the old harbour street tomorrow';
  const reserved = [{ prompt: asked, completion: 'parcel' }];
  const copies = [asked, `${asked.toUpperCase()}!`, asked.replace('tomorrow', 'tomorrow, please')];
  const planted = copies.map((prompt) => ({ prompt, completion: 'parcel' }));
  const base = await writeJsonl(join(directory, 'base.jsonl'), [...toExamples(rows), ...planted]);
  const files = { base, calibration: [await writeJsonl(join(directory, 'gold.jsonl'), reserved)] };
  const outcome = await trainEmbedded({ ...defaults, files, output: join(directory, 'model.onnx') });
  assert.equal(outcome.contaminated, 3);
  assert.equal(outcome.rows, rows.length);
  assert.equal(outcome.labels, 2);
});
