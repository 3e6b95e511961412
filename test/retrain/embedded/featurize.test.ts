import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createFeaturizer, defaultFeaturizer } from '../../../src/retrain/embedded/featurize.ts';

const featurize = createFeaturizer(defaultFeaturizer);

function has(text: string, part: string): boolean {
  const ids = new Set(featurize(text).ids);
  return featurize(part).ids.every((id) => ids.has(id));
}

test('the features of this featuriser version never change', () => {
  const { ids, weights } = featurize('Redmond Água [EMAIL] 東京 🙂 the the the');
  const digest = createHash('sha256').update(ids).update(weights).digest('hex');
  assert.equal(defaultFeaturizer.version, 'hashed-ngrams-1');
  assert.equal(digest, 'e4014a49819e3b2de6782369725f2ef91d6fd37b2742940799179549b0ad91ac');
});

test('a text holds the features of its words, whatever their case', () => {
  assert.ok(has('Where IS my Parcel', 'parcel'));
  assert.ok(has('where is my parcel', 'IS MY'));
  assert.ok(!has('where is my parcel', 'invoice'));
});

test('word order matters to pairs of words only', () => {
  assert.ok(!has('dog bites man', 'man bites'));
  assert.ok(has('dog bites man', 'man'));
});

test('characters of neighbouring words do not run together', () => {
  const characters = createFeaturizer({ ...defaultFeaturizer, wordMax: 1 });
  const together = [...characters('ab cd').ids].sort();
  assert.deepEqual(together, [...characters('ab').ids, ...characters('cd').ids].sort());
});

test('a repeated word weighs more, by less each time', () => {
  const weight = (text: string) => Math.max(...featurize(text).weights);
  assert.equal(weight('parcel'), 1);
  assert.ok(weight('parcel parcel parcel') > weight('parcel parcel'));
  assert.ok(weight('parcel parcel parcel parcel') < 3);
});

test('each feature stands once and an empty text has none', () => {
  const { ids, weights } = featurize('to be or not to be');
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(weights.length, ids.length);
  for (const text of ['', '   \n\t']) assert.equal(featurize(text).ids.length, 0);
});

test('any string has features: lone surrogates, every code unit, a megabyte without a space', () => {
  const units = Array.from({ length: 65536 }, (_, unit) => String.fromCharCode(unit)).join('');
  for (const text of ['\ud800', 'a\udfffb', units, 'x'.repeat(1_000_000), '\u0301'.repeat(1_000_000)]) {
    const { ids, weights } = featurize(text);
    assert.ok(ids.length > 0);
    assert.ok(ids.every((id) => id >= 0 && id < defaultFeaturizer.buckets));
    assert.ok(weights.every((weight) => weight >= 1 && Number.isFinite(weight)));
  }
});

test('one text leaves no trace in the next', () => {
  const before = featurize('second text');
  featurize('first text, much longer than the second text');
  assert.deepEqual(featurize('second text'), before);
});
