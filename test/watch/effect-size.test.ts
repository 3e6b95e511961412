import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectOf } from '../../src/watch/effect-size.ts';

test('a pass rate that falls is worse, a share that falls is better, each in the words of Cohen', () => {
  const gold = effectOf({ baselinePassed: 95, baselineCases: 100, passed: 35, cases: 50 });
  assert.deepEqual([gold?.usual, gold?.now, gold?.worse.toFixed(2), gold?.size], [0.95, 0.7, '0.25', 'medium']);
  const better = effectOf({ usual: 0.5, now: 0.45 });
  assert.deepEqual([better?.worse.toFixed(2), better?.size], ['-0.05', 'slight']);
  assert.equal(effectOf({ usual: 0, now: 0.16 })?.size, 'large');
});

test('figures of a look that compared nothing have no effect', () => {
  assert.equal(effectOf({ logStatistic: 3 }), null);
  assert.equal(effectOf({ baselinePassed: 0, baselineCases: 0, passed: 1, cases: 1 }), null);
});
