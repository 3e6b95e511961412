import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { countShares, readTraffic, type CountOptions } from '../../src/watch/census.ts';
import { takeReference } from '../../src/watch/references.ts';
import { recordVerdict } from '../../src/watch/verdicts.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { insertRows, rowsFrom } from './rows.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());
beforeEach(() =>
  stack.db.query(
    `truncate relearn.samples, relearn.recent, relearn.tags, relearn.minutes, relearn.monitor_references, relearn.monitor_verdicts`,
  ),
);

const at = new Date('2026-05-04T12:30:00Z');
const ago = (minutes: number): Date => new Date(at.getTime() - minutes * 60_000);
const version = { model: 'mail', modelVersion: 'v1' };
const scope = { ...version, since: ago(300), hotWindowHours: 24, at };
const reference = { ...scope, of: 'logprob' as const, below: -1, lagSeconds: 0 };
const low = { logprob: -2 };

const count = (more: Partial<CountOptions> = {}) =>
  countShares(stack.db, version, {
    ...{ of: 'logprob', from: ago(300).toISOString(), until: at.toISOString(), thresholds: [-1] },
    ...{ limit: { last: 1000 }, skipCounted: false, ...more },
  });

test('sampled and unsampled production rows of the version are counted, each once', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('later', ago(100), 10, 1000));
  await insertRows(stack.db, 'samples', rowsFrom('later', ago(100), 4, 1000)); // pinned: in both tables
  await insertRows(stack.db, 'samples', [
    ...rowsFrom('low', ago(99), 5, 1000, low),
    ...rowsFrom('probe', ago(99), 5, 1000, { ...low, source: 'probe' }),
    ...rowsFrom('old', ago(99), 5, 1000, { ...low, version: 'v0' }),
    ...rowsFrom('other', ago(99), 5, 1000, { ...low, model: 'other' }),
    ...rowsFrom('unsure', ago(99), 5, 1000, { logprob: null }),
  ]);
  const counted = await count();
  assert.deepEqual([counted.rows, counted.hours], [15, [{ units: 15, sums: [5] }]]);
  assert.equal((await count({ limit: { last: 5 } })).hours[0]?.sums[0], 5);
  assert.equal((await count({ limit: { first: 5 } })).hours[0]?.sums[0], 0);
  const half = await count({ everyNth: 2 });
  assert.ok(half.rows > 0 && half.rows < 15);
});

test('rows of one user in one hour are averaged and count as one, in the next hour again', async () => {
  await insertRows(stack.db, 'recent', [
    ...rowsFrom('a', ago(20), 6, 1000, { ...low, user: 'aaaaaaaaaaaaaaaa' }),
    ...rowsFrom('a-too', ago(19), 2, 1000, { user: 'aaaaaaaaaaaaaaaa' }),
    ...rowsFrom('b', ago(18), 1, 1000, { user: 'bbbbbbbbbbbbbbbb' }),
    ...rowsFrom('nobody', ago(17), 2, 1000),
    ...rowsFrom('before', ago(60), 1, 1000, { ...low, user: 'aaaaaaaaaaaaaaaa' }),
  ]);
  assert.deepEqual((await count()).hours, [
    { units: 1, sums: [1] },
    { units: 4, sums: [0.75] },
  ]);
});

test('a user who was counted earlier in the hour is left out of the next look', async () => {
  await insertRows(stack.db, 'recent', [
    ...rowsFrom('a', ago(20), 1, 1000, { ...low, user: 'aaaaaaaaaaaaaaaa' }),
    ...rowsFrom('a-again', ago(10), 5, 1000, { ...low, user: 'aaaaaaaaaaaaaaaa' }),
    ...rowsFrom('b', ago(10), 1, 1000, { user: 'bbbbbbbbbbbbbbbb' }),
  ]);
  const next = await count({ from: ago(15).toISOString(), skipCounted: true });
  assert.deepEqual(next.hours, [{ units: 1, sums: [0] }]);
});

test('feedback counts rows that a user was unhappy with', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('a', ago(20), 4, 1000, { logprob: null }));
  await stack.db.query(
    `insert into relearn.tags (request_id, tag, model, source) values ('a-1', 'user_negative', 'mail', 'user'), ('a-2', 'tone', 'mail', 'operator')`,
  );
  assert.deepEqual((await count({ of: 'feedback', thresholds: [-0.5] })).hours, [{ units: 4, sums: [1] }]);
});

test('the first reference stays as it was taken, when recent has forgotten its rows', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('a', ago(200), 20, 1000));
  const taken = await takeReference(stack.db, { ...reference, referenceRequests: 20 });
  assert.deepEqual([taken.complete, taken.spansDay, taken.rows, taken.thresholds.length], [true, false, 20, 6]);
  await stack.db.query('truncate relearn.recent');
  assert.deepEqual(await takeReference(stack.db, { ...reference, referenceRequests: 20 }), taken);
});

test('a reference that is not full is not stored, and another threshold takes another one', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('a', ago(200), 19, 1000));
  const wanted = { ...reference, referenceRequests: 20 };
  const early = await takeReference(stack.db, wanted);
  assert.deepEqual([early.rows, early.complete], [19, false]);
  await insertRows(stack.db, 'recent', rowsFrom('b', ago(150), 1, 1000));
  assert.equal((await takeReference(stack.db, wanted)).complete, true);
  const stricter = await takeReference(stack.db, { ...wanted, below: -0.05 });
  assert.deepEqual([stricter.thresholds[0], stricter.complete], [-0.05, true]);
});

test('where recent no longer reaches back to the deployment, a smaller reference is taken from 100 rows on', async () => {
  const late = { ...reference, since: ago(60 * 48), hotWindowHours: 6, referenceRequests: 500 };
  await insertRows(stack.db, 'recent', rowsFrom('a', ago(300), 99, 1000));
  assert.equal((await takeReference(stack.db, late)).complete, false);
  await insertRows(stack.db, 'recent', rowsFrom('b', ago(200), 1, 1000));
  const taken = await takeReference(stack.db, late);
  assert.deepEqual([taken.rows, taken.complete, taken.spansDay], [100, true, false]);
});

test('after a day without a detection the reference is that of the day, hour by hour', async () => {
  const wanted = { ...reference, since: ago(60 * 24), referenceRequests: 20 };
  const hours = Array.from({ length: 24 }, (_, hour) =>
    rowsFrom(`h${hour}`, ago(60 * (23.9 - hour)), 10, 1000, hour === 3 ? low : {}),
  );
  await insertRows(stack.db, 'recent', hours.flat());
  const verdict = { ...version, monitor: 'gold_set', look: 'one', at: ago(600) };
  await recordVerdict(stack.db, verdict, { state: 'drift', effect: 1, reason: '', figures: {} });
  assert.equal((await takeReference(stack.db, wanted)).spansDay, false, 'a day with a detection is no reference');
  await stack.db.query('truncate relearn.monitor_verdicts');
  const day = await takeReference(stack.db, wanted);
  assert.deepEqual([day.spansDay, day.rows, day.hours.length], [true, 240, 24]);
  assert.deepEqual(
    day.hours.map(({ sums }) => sums[0]).filter((sum) => sum !== 0),
    [10],
  );
});

test('silence is told by the minute counters', async () => {
  assert.deepEqual(await readTraffic(stack.db, scope, scope.since), { requests: 0, idleSeconds: null });
  await stack.db.query(
    `insert into relearn.minutes (model, minute, model_version, source, requests)
     values ('mail', $1, 'v1', 'production', 7), ('mail', $2, 'v1', 'probe', 7)`,
    [ago(30), ago(2)],
  );
  assert.deepEqual(await readTraffic(stack.db, scope, scope.since), { requests: 7, idleSeconds: 1800 });
});
