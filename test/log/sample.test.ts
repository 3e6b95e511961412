import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyedFraction } from '../../src/log/hash-user.ts';
import { decideSampling, type SamplingInput } from '../../src/log/sample.ts';

function decide(change: Partial<SamplingInput>) {
  return decideSampling({
    source: 'production',
    logprob: -0.1,
    lowConfidenceBelow: -0.7,
    flagged: false,
    incident: null,
    healthyRate: 0.05,
    fraction: 0.5,
    ...change,
  });
}

test('an unsure answer is kept for that, whatever else holds', () => {
  assert.deepEqual(decide({ logprob: -0.8, flagged: true, incident: 'i1', fraction: 0 }), {
    keptBecause: 'low_confidence',
    inclusionProbability: 1,
    lowConfidence: true,
  });
});

test('an answer exactly at the threshold is not unsure', () => {
  assert.equal(decide({ logprob: -0.7 }).lowConfidence, false);
});

test('an answer without a probability is not unsure', () => {
  assert.deepEqual(decide({ logprob: null }), {
    keptBecause: null,
    inclusionProbability: 0.05,
    lowConfidence: false,
  });
});

test('a flagged row is kept before an incident claims it', () => {
  assert.equal(decide({ flagged: true, incident: 'i1' }).keptBecause, 'flagged');
});

test('while an incident is open every production row is kept, and no other', () => {
  assert.deepEqual(decide({ incident: 'i1' }), {
    keptBecause: 'post_drift',
    inclusionProbability: 1,
    lowConfidence: false,
  });
  assert.equal(decide({ incident: 'i1', source: 'probe' }).keptBecause, null);
  assert.equal(decide({ incident: 'i1', source: 'eval', logprob: -3 }).keptBecause, 'low_confidence');
});

test('healthy rows are kept below the rate, and all rows know the chance they had', () => {
  assert.deepEqual(decide({ fraction: 0.049 }), {
    keptBecause: 'healthy',
    inclusionProbability: 0.05,
    lowConfidence: false,
  });
  assert.equal(decide({ fraction: 0.05 }).keptBecause, null);
  assert.equal(decide({ fraction: 0, healthyRate: 0 }).keptBecause, null);
  assert.equal(decide({ fraction: 0.999999, healthyRate: 1 }).keptBecause, 'healthy');
});

test('sampling by keyed hash keeps the rate it is given', () => {
  const kept = Array.from({ length: 20_000 }, (_, n) => keyedFraction('secret', `request ${n}`)).filter(
    (f) => f < 0.05,
  );
  // 5 % of 20,000 is 1,000, with a standard deviation of 31.
  assert.ok(Math.abs(kept.length - 1000) < 150, `${kept.length} kept`);
});
