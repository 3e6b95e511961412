import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrapLowerBound } from '../../src/gate/bootstrap.ts';
import { pairedLowerBound } from '../../src/gate/paired.ts';
import { createRandom } from '../../src/retrain/embedded/random.ts';

test('the same differences have the same bound, and another seed hardly another one', () => {
  const random = createRandom(3);
  const differences = Array.from({ length: 400 }, () => (random() - 0.5) / 2);
  const bound = bootstrapLowerBound(differences);
  assert.equal(bootstrapLowerBound(differences), bound);
  assert.ok(Math.abs(bootstrapLowerBound(differences, 2) - bound) < 0.001);
});

test('the bound lies below the true mean in 95 % of samples', () => {
  const random = createRandom(7);
  const [samples, cases, mean] = [300, 300, -0.02];
  // Skewed, as paired scores are: most cases equal, some much worse, a few a little better.
  const draw = () => {
    const u = random();
    return u < 0.04 ? -0.8 : u < 0.1 ? 0.2 : 0;
  };
  let above = 0;
  for (let sample = 0; sample < samples; sample += 1) {
    const bound = bootstrapLowerBound(Array.from({ length: cases }, draw), sample + 1);
    if (bound > mean) above += 1;
  }
  assert.ok(above / samples < 0.075, `above the mean in ${above} of ${samples}`);
  assert.ok(above / samples > 0.01);
});

test('equal scores say no more than equal passes do, and no case at all says nothing', () => {
  for (const cases of [1, 20, 300]) {
    const equal = bootstrapLowerBound(Array<number>(cases).fill(0));
    assert.ok(Math.abs(equal - pairedLowerBound(0, 0, cases)) < 1e-9);
  }
  assert.equal(bootstrapLowerBound([]), -1);
});
