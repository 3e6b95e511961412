import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gateWarnings } from '../../src/gate/config-warnings.ts';

const gate = { metric: 'pass_rate' as const, slice: 'all', required: true };
const cases = (count: number, slice = 'all') => Array.from({ length: count }, () => ({ slice }));

test('a margin too narrow for its slice is warned of, with the number of cases it wants', () => {
  assert.deepEqual(gateWarnings([{ ...gate, maxDrop: 0.025 }], cases(347)), []);
  const [warning] = gateWarnings([{ ...gate, maxDrop: 0.025 }], cases(346));
  assert.match(warning ?? '', /slice all: with 346 cases .* wanted 347/);
});

test('the usual margin is warned of like the same one written down, wherever it decides', () => {
  assert.deepEqual(gateWarnings([gate], cases(347)), []);
  for (const count of [300, 346]) {
    const [warning] = gateWarnings([gate], cases(count));
    assert.match(warning ?? '', new RegExp(`with ${count} cases .* the usual margin of 0.025 .* wanted 347 cases`));
  }
  assert.deepEqual(gateWarnings([{ ...gate, min: 0.9 }], cases(320)), []);
});

test('a slice counts its own cases, and "all" counts every one', () => {
  const pack = [...cases(300, 'easy'), ...cases(60, 'hard')];
  assert.equal(gateWarnings([{ ...gate, maxDrop: 0.025 }], pack).length, 0);
  assert.equal(gateWarnings([{ ...gate, slice: 'hard', maxDrop: 0.025 }], pack).length, 1);
  assert.equal(gateWarnings([{ ...gate, slice: 'hard', maxDrop: 0.1 }], pack).length, 0);
});

test('only a required comparison is warned of, and no drop at all always', () => {
  const few = cases(10);
  assert.deepEqual(gateWarnings([{ ...gate, min: 0.9 }], few), []);
  assert.deepEqual(gateWarnings([{ ...gate, maxDrop: 0.01, required: false }], few), []);
  assert.equal(gateWarnings([{ ...gate, maxDrop: 0 }], cases(100_000)).length, 1);
});

test('a slice the pack does not hold, and one too small for the usual margin, are warned of', () => {
  assert.match(gateWarnings([{ ...gate, slice: 'misspelt', min: 0.9 }], cases(400))[0] ?? '', /no case of it/);
  assert.match(gateWarnings([gate], cases(299))[0] ?? '', /299 cases are too few .* advisory; wanted 300/);
  const learned = { ...gate, metric: 'improvement' as const, slice: 'learned' };
  assert.deepEqual(gateWarnings([learned, { ...gate, metric: 'size_mb' as const, max: 5 }], cases(300)), []);
});
