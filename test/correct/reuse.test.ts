import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createReuse } from '../../src/correct/reuse.ts';

test('what takes a moment is asked each time; what takes long is used again, by its key; a failure is not', async () => {
  const reuse = createReuse<number>();
  let asked = 0;
  const quick = () => Promise.resolve((asked += 1));
  assert.deepEqual([await reuse('a', quick), await reuse('a', quick)], [1, 2]);
  const slow = () => sleep(100).then(() => (asked += 1));
  assert.deepEqual([await reuse('b', slow), await reuse('b', slow), await reuse('c', slow)], [3, 3, 4]);
  const failing = () => sleep(100).then(() => Promise.reject(new Error('down')));
  await assert.rejects(reuse('d', failing));
  assert.equal(await reuse('d', quick), 5);
});

test('after a change nobody gets an answer of before it; those who ask meanwhile share the next one', async () => {
  const reuse = createReuse<number>();
  let asked = 0;
  let underWay = 0;
  const slow = async () => {
    assert.equal((underWay += 1), 1, 'one at a time');
    const turn = (asked += 1);
    await sleep(100);
    underWay -= 1;
    return turn;
  };
  const before = [reuse('a', slow), reuse('a', slow)];
  reuse.forget();
  const later = [reuse('a', slow), reuse('a', slow)];
  reuse.forget();
  later.push(reuse('a', slow));
  assert.deepEqual(
    [await Promise.all(before), await Promise.all(later)],
    [
      [1, 1],
      [2, 2, 2],
    ],
  );
  assert.equal(await reuse('a', slow), 2);
  reuse.forget();
  assert.equal(await reuse('a', slow), 3);
});
