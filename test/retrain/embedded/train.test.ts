import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RelearnError } from '../../../src/errors.ts';
import { classify, type Classifier } from '../../../src/retrain/embedded/classify.ts';
import { createFeaturizer } from '../../../src/retrain/embedded/featurize.ts';
import { trainClassifier, type LabelledText } from '../../../src/retrain/embedded/train.ts';
import { makeRows } from './synthetic.ts';

const rows = [...makeRows('weather', 40), ...makeRows('banking', 40)];

function countRight(classifier: Classifier, cases: readonly LabelledText[]): number {
  const featurize = createFeaturizer(classifier.featurizer);
  return cases.filter(({ text, label }) => classify(classifier, featurize(text)).label === label).length;
}

test('classes with words of their own are told apart perfectly on texts not seen', async () => {
  const classifier = await trainClassifier({ rows, seed: 1, epochs: 10 });
  const unseen = [...makeRows('weather', 24, 40), ...makeRows('banking', 24, 40)];
  assert.deepEqual(classifier.labels, ['banking', 'weather']);
  assert.equal(countRight(classifier, unseen), unseen.length);
});

test('a class of two rows among hundreds is learned', async () => {
  const many = Array.from({ length: 10 }, () => rows).flat();
  const few = [
    { text: 'my flight with the airline', label: 'travel' },
    { text: 'i want to know the flight', label: 'travel' },
  ];
  const classifier = await trainClassifier({ rows: [...many, ...few], seed: 1, epochs: 10 });
  const asked = ['is there any flight', 'please check the flight', 'tell me of my flight', 'flight and luggage'];
  const unseen = asked.map((text) => ({ text, label: 'travel' }));
  assert.equal(countRight(classifier, unseen), unseen.length);
  assert.equal(countRight(classifier, rows), rows.length);
});

test('classes weigh evenly: a rare one wins the text it shares with a common one', async () => {
  const shared = (label: string, count: number) => Array.from({ length: count }, () => ({ text: 'my flight', label }));
  const given = [...rows, ...rows, ...shared('weather', 6), ...shared('travel', 2)];
  const classifier = await trainClassifier({ rows: given, seed: 1, epochs: 10 });
  assert.equal(countRight(classifier, shared('travel', 1)), 1);
  assert.equal(countRight(classifier, rows), rows.length);
});

test('the same rows and seed give the same bits, another seed other ones', async () => {
  const [first, second, other] = await Promise.all([7, 7, 8].map((seed) => trainClassifier({ rows, seed, epochs: 3 })));
  assert.ok(first !== undefined && second !== undefined && other !== undefined);
  assert.deepEqual(first, second);
  assert.notDeepEqual(first.weights, other.weights);
});

test('the probabilities are a distribution, even with no feature to go by', async () => {
  const classifier = await trainClassifier({ rows, seed: 1, epochs: 3 });
  const nothing = classify(classifier, createFeaturizer(classifier.featurizer)(''));
  assert.ok(Math.abs(nothing.logprob - Math.log(0.5)) < 1e-9);
});

test('progress rises to 1', async () => {
  const seen: number[] = [];
  await trainClassifier({ rows, seed: 1, epochs: 20, onProgress: (fraction) => seen.push(fraction) });
  assert.ok(seen.length > 2);
  assert.deepEqual(
    seen,
    seen.toSorted((one, other) => one - other),
  );
  assert.equal(seen.at(-1), 1);
});

test('an abort stops the training with its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('stop');
  const onProgress = () => controller.abort(reason);
  const training = trainClassifier({ rows, seed: 1, epochs: 1_000_000, onProgress, signal: controller.signal });
  await assert.rejects(training, reason);
});

test('rows that hold nothing to tell apart are refused', async () => {
  const refused = (given: LabelledText[], message: RegExp) =>
    assert.rejects(
      trainClassifier({ rows: given, seed: 1, epochs: 1 }),
      (error) => error instanceof RelearnError && error.code === 'invalid_rows' && message.test(error.message),
    );
  await refused([], /No rows/);
  await refused(makeRows('weather', 5), /1 different completions/);
  const freeText = Array.from({ length: 2001 }, (_, at) => ({ text: 'a question', label: `answer ${at}` }));
  await refused(freeText, /2001 different completions/);
});
