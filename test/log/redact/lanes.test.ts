import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLanes, type Turn } from '../../../src/log/redact/lanes.ts';

const full = () => new Error('full');

test('so much work runs at once, the urgent goes first and the healthy last, and what fails makes room', async () => {
  const lanes = createLanes(1, 100, full);
  const order: string[] = [];
  const run = (name: string, turn: Turn) =>
    lanes.run(
      async () => {
        order.push(`${name} begins`);
        await Promise.resolve();
        order.push(`${name} ends`);
        if (name === 'b') throw new Error('b fails');
      },
      1,
      turn,
    );
  const work = [run('a', 'kept'), run('b', 'healthy'), run('d', 'healthy'), run('e', 'kept'), run('c', 'urgent')];
  const results = await Promise.allSettled(work);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
  assert.deepEqual(
    order,
    ['a', 'c', 'e', 'b', 'd'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

test('what is too much to wait is refused, and room comes back', async () => {
  const lanes = createLanes(1, 10, full);
  const first = lanes.run(() => Promise.resolve(1), 50, 'kept');
  const second = lanes.run(() => Promise.resolve(2), 10, 'kept');
  await assert.rejects(
    lanes.run(() => Promise.resolve(3), 1, 'kept'),
    /full/,
  );
  assert.deepEqual(await Promise.all([first, second]), [1, 2]);
  assert.equal(await lanes.run(() => Promise.resolve(4), 10, 'kept'), 4);
});

test('what is worth more takes the room of what is worth less, the newest first, and only where that is enough', async () => {
  const lanes = createLanes(1, 10, full);
  const run = (name: string, weight: number, turn: Turn) => lanes.run(async () => name, weight, turn);
  const work = [
    run('runs', 1, 'kept'),
    run('older', 4, 'healthy'),
    run('newer', 4, 'healthy'),
    run('kept', 5, 'kept'),
    run('too heavy', 7, 'kept'),
    run('healthy', 2, 'healthy'),
    run('urgent', 1, 'urgent'),
  ];
  const results = await Promise.allSettled(work);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : 'full')),
    ['runs', 'older', 'full', 'kept', 'full', 'full', 'urgent'],
  );
});
