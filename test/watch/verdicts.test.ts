import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Judgement } from '../../src/watch/judgement.ts';
import { getGoldRun, goldBaseline, storeGoldRun } from '../../src/watch/gold-runs.ts';
import { lastVerdict, previousLogStatistic, recordVerdict } from '../../src/watch/verdicts.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());

const minute = (n: number): Date => new Date(Date.UTC(2026, 4, 4, 12, n));
const judged = (state: Judgement['state'], logStatistic: number): Judgement => ({
  state,
  effect: 0.1,
  reason: 'because',
  figures: { logStatistic },
});

test('a look that is recorded twice counts once and answers with the first verdict', async () => {
  const key = { model: 'a', modelVersion: 'v1', monitor: 'gold_set' };
  await recordVerdict(stack.db, { ...key, look: 'one', at: minute(0) }, judged('clean', 1));
  const twice = await Promise.all(
    [2, 3].map((n) => recordVerdict(stack.db, { ...key, look: 'two', at: minute(n) }, judged('drift', n))),
  );
  assert.deepEqual(twice.map(({ created }) => created).sort(), [false, true]);
  assert.deepEqual(twice[0]?.figures, twice[1]?.figures);
  // The second attempt of a look goes on from the look before, not from itself.
  assert.equal(await previousLogStatistic(stack.db, key, 'two'), 1);
});

test('the last verdict and the last clean one are those of the version and monitor', async () => {
  const key = { model: 'b', modelVersion: 'v2', monitor: 'gold_set' };
  assert.equal(await previousLogStatistic(stack.db, key, ''), undefined);
  await recordVerdict(stack.db, { ...key, look: '1', at: minute(1) }, judged('clean', 1));
  await recordVerdict(stack.db, { ...key, look: '2', at: minute(2) }, judged('down', 1));
  await recordVerdict(stack.db, { ...key, modelVersion: 'v1', look: '3', at: minute(3) }, judged('clean', 3));
  await recordVerdict(stack.db, { ...key, monitor: 'confidence', look: '3', at: minute(3) }, judged('clean', 3));
  assert.equal((await lastVerdict(stack.db, key))?.state, 'down');
});

test('the baseline sums the runs of the version on this gold set that got answers', async () => {
  const run = {
    model: 'c',
    modelVersion: 'v1',
    purpose: 'baseline',
    state: 'ok',
    goldSha256: 'g1',
    cases: 100,
  } as const;
  const key = { model: 'c', modelVersion: 'v1', goldSha256: 'g1' };
  assert.equal(await goldBaseline(stack.db, key), null);
  for (const more of [
    { id: '1', passed: 90 },
    { id: '1', passed: 10 },
    { id: '2', passed: 94 },
    { id: '3', passed: 0, state: 'down' as const },
    { id: '4', passed: 1, purpose: 'probe' as const },
    { id: '5', passed: 2, goldSha256: 'g2' },
    { id: '6', passed: 3, modelVersion: 'v2' },
  ]) {
    await storeGoldRun(stack.db, { ...run, failedCases: ['x'], ...more });
  }
  assert.equal((await getGoldRun(stack.db, '1')).passed, 90);
  await assert.rejects(getGoldRun(stack.db, 'none'), /no gold run/);
  assert.deepEqual(await goldBaseline(stack.db, key), { runs: 2, cases: 200, passed: 184 });
});
