import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQueue } from '../../src/log/queue.ts';
import { newRow, newUnsampledRow } from './new-row.ts';

const flagged = () => newRow({ keptBecause: 'flagged' });

test('without room the row worth the least has to go', () => {
  const queue = createQueue();
  const [unsampled, healthy, kept] = [newUnsampledRow(), newRow(), flagged()];
  for (const row of [unsampled, healthy]) assert.equal(queue.add(row, 2), undefined);
  assert.equal(queue.add(kept, 2), unsampled);
  assert.equal(queue.add(flagged(), 2), healthy);
  const late = newRow();
  assert.equal(queue.add(late, 2), late);
  const last = flagged();
  assert.equal(queue.add(last, 2), last);
  assert.equal(queue.size(), 2);
});

test('the best rows are taken first, and rows put back come before the others', () => {
  const queue = createQueue();
  const [unsampled, healthy, kept, next] = [newUnsampledRow(), newRow(), flagged(), flagged()];
  for (const row of [unsampled, healthy, kept]) queue.add(row, 10);
  assert.deepEqual(queue.take(2), [kept, healthy]);
  queue.add(next, 10);
  queue.putBack([kept, healthy]);
  assert.deepEqual(queue.take(10), [kept, next, healthy, unsampled]);
  assert.equal(queue.size(), 0);
});
