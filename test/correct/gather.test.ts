import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gather } from '../../src/correct/gather.ts';

/** Work that ends when told to. */
function slowWork() {
  const turns: { items: readonly number[]; end: (error?: Error) => void }[] = [];
  const work = (items: readonly number[]) =>
    new Promise<number[]>((resolve, reject) => {
      const end = (error?: Error) => (error === undefined ? resolve(items.map((item) => item * 2)) : reject(error));
      turns.push({ items, end });
    });
  return { turns, work };
}

test('calls that come while one is under way go together, and each gets its own results', async () => {
  const { turns, work } = slowWork();
  const call = gather(work, 4);
  const first = call([1]);
  const others = [call([2, 3]), call([4]), call([5, 6])];
  turns[0]?.end();
  assert.deepEqual(await first, [2]);
  turns[1]?.end();
  assert.deepEqual(await Promise.all(others.slice(0, 2)), [[4, 6], [8]]);
  turns[2]?.end();
  assert.deepEqual(await others[2], [10, 12]);
  assert.deepEqual(
    turns.map(({ items }) => items),
    [[1], [2, 3, 4], [5, 6]],
  );
});

test('a call larger than the limit goes alone; a turn that fails fails its calls only', async () => {
  const { turns, work } = slowWork();
  const call = gather(work, 2);
  const first = call([1, 2, 3]);
  const second = call([4]);
  turns[0]?.end(new Error('no'));
  await assert.rejects(first, /no/);
  turns[1]?.end();
  assert.deepEqual(await second, [8]);
});
