import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { readCensus, takeReference } from '../../src/watch/census.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { insertRows, rowsFrom } from './rows.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());
beforeEach(() => stack.db.query('truncate relearn.samples, relearn.recent, relearn.monitor_references'));

const at = new Date('2026-05-04T12:00:00Z');
const before12 = (minutes: number): Date => new Date(at.getTime() - minutes * 60_000);
const scope = { model: 'mail', modelVersion: 'v1', since: before12(300), below: -1, hotWindowHours: 24, at };
const low = { logprob: -2 };

test('reference and windows count sampled and unsampled production rows of the version, each once', async () => {
  const first = before12(200);
  await insertRows(stack.db, 'recent', rowsFrom('healthy', first, 8, 1000));
  await insertRows(stack.db, 'samples', rowsFrom('low', first, 2, 1000, low));
  const later = before12(100);
  await insertRows(stack.db, 'recent', rowsFrom('later', later, 10, 1000));
  await insertRows(stack.db, 'samples', rowsFrom('later', later, 4, 1000)); // pinned: in both tables
  await insertRows(stack.db, 'samples', [
    ...rowsFrom('later-low', new Date(later.getTime() + 20_000), 5, 1000, low),
    ...rowsFrom('probe', later, 5, 1000, { ...low, source: 'probe' }),
    ...rowsFrom('old', later, 5, 1000, { ...low, version: 'v0' }),
    ...rowsFrom('other', later, 5, 1000, { ...low, model: 'other' }),
    ...rowsFrom('unsure', later, 5, 1000, { logprob: null }),
  ]);
  const reference = await takeReference(stack.db, { ...scope, referenceRequests: 10 });
  assert.deepEqual([reference.rows, reference.low, reference.complete], [10, 2, true]);
  const census = await readCensus(stack.db, { ...scope, reference, sizes: [5, 10, 100] });
  assert.deepEqual(census.windows, [
    { rows: 5, low: 5 },
    { rows: 10, low: 5 },
    { rows: 15, low: 5 },
  ]);
  assert.equal(census.idleSeconds, 100 * 60 - 24);
});

test('a reference stays as it was taken, when recent has forgotten its rows', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('a', before12(200), 20, 1000));
  const taken = await takeReference(stack.db, { ...scope, referenceRequests: 20 });
  await stack.db.query('truncate relearn.recent');
  assert.deepEqual(await takeReference(stack.db, { ...scope, referenceRequests: 20 }), taken);
});

test('a reference that is not full is not stored, and another threshold takes another one', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('a', before12(200), 19, 1000));
  const early = await takeReference(stack.db, { ...scope, referenceRequests: 20 });
  assert.deepEqual([early.rows, early.complete], [19, false]);
  await insertRows(stack.db, 'recent', rowsFrom('b', before12(150), 1, 1000));
  assert.equal((await takeReference(stack.db, { ...scope, referenceRequests: 20 })).low, 0);
  const stricter = await takeReference(stack.db, { ...scope, below: -0.05, referenceRequests: 20 });
  assert.deepEqual([stricter.low, stricter.complete], [20, true]);
});

test('where recent no longer reaches back to the deployment, a smaller reference is taken from 100 rows on', async () => {
  const long = { ...scope, since: before12(60 * 48), referenceRequests: 500 };
  await insertRows(stack.db, 'recent', rowsFrom('a', before12(300), 99, 1000));
  assert.equal((await takeReference(stack.db, long)).complete, false);
  await insertRows(stack.db, 'recent', rowsFrom('b', before12(200), 1, 1000));
  const taken = await takeReference(stack.db, long);
  assert.deepEqual([taken.rows, taken.complete], [100, true]);
});

test('rows older than recent reaches are not counted: only the sampled ones are left of them', async () => {
  await insertRows(stack.db, 'samples', rowsFrom('old', before12(60 * 30), 50, 1000, low));
  const reference = { rows: 10, low: 1, complete: true, until: before12(60 * 40).toISOString() };
  const census = await readCensus(stack.db, { ...scope, since: before12(60 * 40), reference, sizes: [5, 10] });
  assert.deepEqual(census, { windows: [], idleSeconds: null });
});
