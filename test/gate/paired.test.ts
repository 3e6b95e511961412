import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fewestCasesFor, pairedLowerBound, z95 } from '../../src/gate/paired.ts';

/** The score statistic from its definition: the likelihood maximised numerically under gained - lost = delta. */
function scoreByMaximisation(gained: number, lost: number, cases: number, delta: number): number {
  const logLikelihood = (lostShare: number): number => {
    const shares = [lostShare + delta, lostShare, 1 - 2 * lostShare - delta];
    const counts = [gained, lost, cases - gained - lost];
    return counts.reduce((sum, count, i) => sum + (count === 0 ? 0 : count * Math.log(shares[i] ?? 0)), 0);
  };
  let [low, high] = [Math.max(0, -delta), (1 - delta) / 2];
  for (let step = 0; step < 200; step += 1) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (logLikelihood(a) < logLikelihood(b)) low = a;
    else high = b;
  }
  const lostShare = (low + high) / 2;
  return (gained - lost - cases * delta) / Math.sqrt(cases * (2 * lostShare + delta - delta * delta));
}

test('the bound is where the score test at the constrained maximum likelihood reaches z', () => {
  const tables = [
    [12, 9, 300],
    [3, 20, 150],
    [40, 20, 160],
    [1, 7, 21],
    [0, 5, 60],
    [5, 0, 60],
  ] as const;
  for (const [gained, lost, cases] of tables) {
    const bound = pairedLowerBound(gained, lost, cases);
    assert.ok(Math.abs(scoreByMaximisation(gained, lost, cases, bound) - z95) < 1e-4, `${gained} ${lost} ${cases}`);
  }
});

test('the published interval of the paired table 59, 6, 16, 80 is met', () => {
  // Cavo et al. 2012, in Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables": two-sided 95 %.
  const z = 1.959963984540054;
  assert.equal(pairedLowerBound(6, 16, 161, z).toFixed(4), '-0.1240');
  assert.equal((-pairedLowerBound(16, 6, 161, z)).toFixed(4), '-0.0054');
});

test('without discordant cases the bound is -z^2 / (n + z^2), and not zero', () => {
  for (const cases of [1, 20, 300, 100_000]) {
    const expected = -(z95 ** 2) / (cases + z95 ** 2);
    assert.ok(Math.abs(pairedLowerBound(0, 0, cases) - expected) < 1e-9);
  }
});

test('the bound stays within -1 and the estimate, and no case at all says nothing', () => {
  assert.equal(pairedLowerBound(0, 0, 0), -1);
  assert.ok(pairedLowerBound(0, 10, 10) >= -1);
  assert.ok(pairedLowerBound(10, 0, 10) < 1);
  assert.ok(pairedLowerBound(12, 9, 300) < 3 / 300);
});

test('fewestCasesFor is the first number of cases on which two equal versions pass', () => {
  for (const margin of [0.01, 0.025, 0.1, 0.5]) {
    const fewest = fewestCasesFor(margin);
    assert.ok(pairedLowerBound(0, 0, fewest) > -margin);
    assert.ok(pairedLowerBound(0, 0, fewest - 1) <= -margin);
  }
});
