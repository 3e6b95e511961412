import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLanes } from '../../../src/log/redact/lanes.ts';

test('so much work runs at once, urgent work goes first, and what fails makes room', async () => {
  const lanes = createLanes(1, 100);
  const order: string[] = [];
  const run = (name: string, urgent: boolean) =>
    lanes.run(
      async () => {
        order.push(`${name} begins`);
        await Promise.resolve();
        order.push(`${name} ends`);
        if (name === 'b') throw new Error('b fails');
      },
      1,
      urgent,
    );
  const work = [run('a', false), run('b', false), run('c', true), run('d', false)];
  const results = await Promise.allSettled(work.filter((result) => result !== undefined));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  assert.deepEqual(
    order,
    ['a', 'c', 'b', 'd'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

test('what is too much to wait is refused, and room comes back', async () => {
  const lanes = createLanes(1, 10);
  const first = lanes.run(() => Promise.resolve(1), 50, false);
  const second = lanes.run(() => Promise.resolve(2), 10, false);
  assert.equal(
    lanes.run(() => Promise.resolve(3), 1, true),
    undefined,
  );
  assert.deepEqual(await Promise.all([first, second]), [1, 2]);
  assert.equal(await lanes.run(() => Promise.resolve(4), 10, false), 4);
});
