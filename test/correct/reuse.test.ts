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
