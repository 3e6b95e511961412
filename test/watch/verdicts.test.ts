import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Judgement } from '../../src/watch/judgement.ts';
import { getGoldRun, goldBaseline, goldHistory, storeGoldRun } from '../../src/watch/gold-runs.ts';
import { carriedFigures, lastVerdict, listMonitorStatus, recordVerdict, sawDrift } from '../../src/watch/verdicts.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { setChampion } from '../serve/fixtures.ts';
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
  assert.deepEqual(await carriedFigures(stack.db, key, 'two'), { logStatistic: 1 });
});

test('the last verdict and the last clean one are those of the version and monitor', async () => {
  const key = { model: 'b', modelVersion: 'v2', monitor: 'gold_set' };
  assert.deepEqual(await carriedFigures(stack.db, key, ''), {});
  await recordVerdict(stack.db, { ...key, look: '1', at: minute(1) }, judged('clean', 1));
  await recordVerdict(stack.db, { ...key, look: '2', at: minute(2) }, judged('down', 1));
  await recordVerdict(stack.db, { ...key, modelVersion: 'v1', look: '3', at: minute(3) }, judged('clean', 3));
  await recordVerdict(stack.db, { ...key, monitor: 'confidence', look: '3', at: minute(3) }, judged('clean', 3));
  assert.equal((await lastVerdict(stack.db, key))?.state, 'down');
});

test('drift goes on through looks that cannot tell, and ends with a clean one', async () => {
  const key = { model: 'c', modelVersion: 'v1', monitor: 'confidence' };
  assert.equal(await sawDrift(stack.db, key, ''), false);
  await recordVerdict(stack.db, { ...key, look: '1', at: minute(1) }, judged('drift', 1));
  assert.equal(await sawDrift(stack.db, key, '1'), false);
  await recordVerdict(stack.db, { ...key, look: '2', at: minute(2) }, judged('unknown', 1));
  assert.equal(await sawDrift(stack.db, key, '3'), true);
  await recordVerdict(stack.db, { ...key, look: '3', at: minute(3) }, judged('clean', 1));
  assert.equal(await sawDrift(stack.db, key, '4'), false);
});

test('a baseline averages the repeats of each case of the runs that got answers', async () => {
  const run = {
    model: 'c',
    modelVersion: 'v1',
    purpose: 'baseline',
    state: 'ok',
    goldSha256: 'g1',
    asked: null,
    cases: 100,
    repeats: 1,
  } as const;
  const key = { model: 'c', modelVersion: 'v1', goldSha256: 'g1' };
  assert.equal(await goldBaseline(stack.db, key), null);
  for (const more of [
    { id: '1', passed: 98, failedCases: ['x', 'y'] },
    { id: '1', passed: 10, failedCases: [] },
    { id: '2', passed: 99, failedCases: ['x'] },
    { id: '3', passed: 0, failedCases: [], state: 'down' as const },
    { id: '4', passed: 1, failedCases: ['z'], purpose: 'probe' as const },
    { id: '5', passed: 2, failedCases: ['z'], goldSha256: 'g2' },
    { id: '6', passed: 3, failedCases: ['z'], modelVersion: 'v2' },
  ]) {
    await storeGoldRun(stack.db, { ...run, ...more });
  }
  assert.equal((await getGoldRun(stack.db, '1')).passed, 98);
  await assert.rejects(getGoldRun(stack.db, 'none'), /no gold run/);
  // x failed in both repeats, y in one of two.
  assert.deepEqual(await goldBaseline(stack.db, key), { repeats: 2, cases: 100, passed: 98.5, squares: 98.25 });
  const history = await goldHistory(stack.db, key, '4');
  assert.deepEqual([history.baselineRuns, history.probes], [2, 0]);
});

test('the status of a model is the latest verdict of each monitor on the version that serves', async () => {
  const version = await registerVersion(stack.db, {
    ...{ model: 'd', kind: 'onnx', artifact: 'a'.repeat(64), dataset: null, parent: null, run: null },
    ...{ lowConfidenceBelow: null, metadata: {} },
  });
  await setChampion(stack.db, 'd', version);
  const key = { model: 'd', modelVersion: version, monitor: 'confidence' };
  await recordVerdict(stack.db, { ...key, look: '1', at: minute(1), action: 'warn' }, judged('clean', 1));
  await recordVerdict(stack.db, { ...key, look: '2', at: minute(2), action: 'warn' }, judged('drift', 2));
  await recordVerdict(stack.db, { ...key, modelVersion: 'v0', look: '3', at: minute(3) }, judged('clean', 1));
  assert.deepEqual(await listMonitorStatus(stack.db, ['d']), [
    {
      model: 'd',
      monitor: 'confidence',
      state: 'drift',
      reason: 'because',
      action: 'warn',
      evidence: null,
      at: minute(2),
    },
  ]);
});
