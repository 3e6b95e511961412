import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createReuse } from '../../src/correct/reuse.ts';

/** A clock that stands still, and work that takes 100 ms of it. */
function openClock(t: TestContext) {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  return async () => {
    await nextTurn();
    now += 100;
  };
}

test('what takes a moment is asked each time; what takes long is used again, by its key; a failure is not', async (t) => {
  const work = openClock(t);
  const reuse = createReuse<number>();
  let asked = 0;
  const quick = () => Promise.resolve((asked += 1));
  assert.deepEqual([await reuse('a', quick), await reuse('a', quick)], [1, 2]);
  const slow = () => work().then(() => (asked += 1));
  assert.deepEqual([await reuse('b', slow), await reuse('b', slow), await reuse('c', slow)], [3, 3, 4]);
  const failing = () => work().then(() => Promise.reject(new Error('down')));
  await assert.rejects(reuse('d', failing));
  assert.equal(await reuse('d', quick), 5);
});

test('however long an answer took, it is used again for five seconds at most', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const reuse = createReuse<number>();
  let asked = 0;
  const slow = () => {
    now += 2000;
    return Promise.resolve((asked += 1));
  };
  assert.equal(await reuse('a', slow), 1);
  now += 4999;
  assert.equal(await reuse('a', slow), 1);
  now += 1;
  assert.equal(await reuse('a', slow), 2);
});

test('after a change nobody gets an answer of before it; those who ask meanwhile share the next one', async (t) => {
  const work = openClock(t);
  const reuse = createReuse<number>();
  let asked = 0;
  let underWay = 0;
  const slow = async () => {
    assert.equal((underWay += 1), 1, 'one at a time');
    const turn = (asked += 1);
    await work();
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
