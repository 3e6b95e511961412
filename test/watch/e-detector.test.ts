import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, logEvidence, upperBound } from '../../src/watch/e-detector.ts';
import { drawBinomial, seededRandom } from './random.ts';

const rises = [0.12, 0.15, 0.2, 0.3, 0.6];

/** Mean of the e-value over draws of the sum of bad scores. */
function meanEvidence(draw: (random: () => number) => number, units: number): number {
  const random = seededRandom(7);
  let sum = 0;
  const turns = 200_000;
  for (let n = 0; n < turns; n += 1) sum += Math.exp(logEvidence(draw(random), units, 0.1, rises));
  return sum / turns;
}

test('the evidence is an e-value: its mean is 1 for equal coins at the healthy share, less for anything healthier', () => {
  const equal = meanEvidence((random) => drawBinomial(random, 20, 0.1), 20);
  assert.ok(Math.abs(equal - 1) < 0.05, `${equal}`);
  const better = meanEvidence((random) => drawBinomial(random, 20, 0.08), 20);
  const unequal = meanEvidence((random) => drawBinomial(random, 5, 0.3) + drawBinomial(random, 15, 1 / 30), 20);
  const averaged = meanEvidence((random) => drawBinomial(random, 60, 0.1) / 3, 20);
  for (const mean of [better, unequal, averaged]) assert.ok(mean < 0.97, `${mean}`);
});

test('the statistic sums looks, never passes its threshold, and starts from nothing', () => {
  assert.equal(advance(undefined, 2, 10), 2);
  assert.ok(Math.abs(advance(2, 0, 10) - Math.log(1 + Math.exp(2))) < 1e-12);
  assert.equal(advance(9, 8, 10), 10);
  assert.ok(Number.isFinite(advance(1000, -2000, 10)));
});

test('the upper bound is that of Wilson', () => {
  assert.ok(Math.abs(upperBound(0.1, 100) - 0.1603) < 5e-4, `${upperBound(0.1, 100)}`);
  assert.ok(upperBound(0, 300) > 0 && upperBound(0, 300) < 0.01);
});
