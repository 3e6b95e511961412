import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, logEvidence, upperBound } from '../../src/watch/e-detector.ts';

const rises = [0.12, 0.15, 0.2, 0.3, 0.6];

/** P(sum = k) of independent coins. */
function distribution(shares: readonly number[]): number[] {
  return shares.reduce<number[]>(
    (sums, share) => [...sums, 0].map((p, k) => p * (1 - share) + (sums[k - 1] ?? 0) * share),
    [1],
  );
}

/** The exact mean of the e-value of 20 units, each the average of `repeats` coins. */
function meanEvidence(shares: readonly number[], repeats = 1): number {
  const weigh = (sum: number) => Math.exp(logEvidence(sum / repeats, shares.length / repeats, 0.1, rises));
  return distribution(shares).reduce((mean, p, sum) => mean + p * weigh(sum), 0);
}

const coins = (count: number, share: number) => Array.from({ length: count }, () => share);

test('the evidence is an e-value: its mean is 1 for equal coins at the healthy share, less for anything healthier', () => {
  assert.ok(Math.abs(meanEvidence(coins(20, 0.1)) - 1) < 1e-9);
  assert.ok(meanEvidence(coins(20, 0.11)) > 1.05);
  const better = meanEvidence(coins(20, 0.08));
  const unequal = meanEvidence([...coins(5, 0.3), ...coins(15, 1 / 30)]);
  const averaged = meanEvidence(coins(60, 0.1), 3);
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
