import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAfterAnswers } from '../../src/serve/after-answers.ts';

test('work is done in order, after what is under way and between other work, until it is settled', async () => {
  const after = openAfterAnswers();
  const done: string[] = [];
  function* busy(name: string) {
    for (let step = 0; step < 3; step += 1) {
      const end = performance.now() + 1; // more than a slice
      while (performance.now() < end);
      done.push(`${name}${step}`);
      yield;
    }
  }
  let between = 0;
  const tick = setInterval(() => (between += 1), 0);
  after.add(busy('a'), 1);
  after.add(busy('b'), 1);
  assert.deepEqual(done, []);
  await after.settle();
  clearInterval(tick);
  assert.deepEqual(done, ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']);
  assert.ok(between > 0);
  await after.settle();
});

test('when too much waits, whoever adds work does some of it', async () => {
  const after = openAfterAnswers();
  let done = 0;
  for (let row = 0; row < 5000; row += 1) {
    after.add(
      (function* () {
        done += 1;
        yield;
      })(),
      1,
    );
  }
  assert.ok(done > 0);
  await after.settle();
  assert.equal(done, 5000);
});
