import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeGoldRun } from '../../src/watch/gold-monitor.ts';
import { drawBinomial, median, seededRandom } from './random.ts';

const usual = { minDrop: 0.01, everySeconds: 900 };

/** Probes until the alarm, at most `limit`; Infinity when there is none. */
function probesToAlarm(random: () => number, baselineCases: number, share: number, limit: number): number {
  const baseline = { cases: baselineCases, passed: drawBinomial(random, baselineCases, 0.93) };
  let previousLogStatistic: number | undefined;
  for (let n = 1; n <= limit; n += 1) {
    const probe = { cases: 300, passed: drawBinomial(random, 300, share) };
    const judged = judgeGoldRun({ ...usual, baseline, probe, previousLogStatistic });
    if (judged.state === 'drift') return n;
    previousLogStatistic = judged.figures['logStatistic'];
  }
  return Infinity;
}

test('a noisy model that stays as good as its baseline raises no alarm in 30,000 probes', () => {
  const random = seededRandom(1);
  const alarms = Array.from({ length: 30 }, () => probesToAlarm(random, 1500, 0.93, 1000));
  assert.deepEqual(new Set(alarms), new Set([Infinity]));
});

test('a drop of 10 points is seen within 3 probes and one of 5 points within 12, in the median', () => {
  const random = seededRandom(2);
  const delays = (share: number) => Array.from({ length: 200 }, () => probesToAlarm(random, 1500, share, 300));
  assert.ok(median(delays(0.83)) <= 3);
  assert.ok(median(delays(0.88)) <= 12);
});

test('a model that answers nothing right is seen at the first probe, with a tiny gold set at the second', () => {
  for (const cases of [50, 300]) {
    const judged = judgeGoldRun({ ...usual, baseline: { cases, passed: cases }, probe: { cases, passed: 0 } });
    assert.equal(judged.state, 'drift', `${cases} cases`);
    assert.equal(judged.effect, 1);
  }
  const tiny = { ...usual, baseline: { cases: 20, passed: 20 }, probe: { cases: 20, passed: 0 } };
  const first = judgeGoldRun(tiny);
  assert.equal(first.state, 'clean');
  assert.equal(judgeGoldRun({ ...tiny, previousLogStatistic: first.figures['logStatistic'] }).state, 'drift');
});

test('a deterministic model that passes as many as before never alarms', () => {
  let previousLogStatistic: number | undefined;
  for (let n = 0; n < 50_000; n += 1) {
    const counts = { cases: 300, passed: 281 };
    const judged = judgeGoldRun({ ...usual, baseline: counts, probe: counts, previousLogStatistic });
    assert.equal(judged.state, 'clean');
    previousLogStatistic = judged.figures['logStatistic'];
  }
});

test('a drop smaller than minDrop does not alarm, even with the statistic at its threshold', () => {
  const judged = judgeGoldRun({
    ...usual,
    minDrop: 0.2,
    baseline: { cases: 300, passed: 280 },
    probe: { cases: 300, passed: 230 },
    previousLogStatistic: 1000,
  });
  assert.equal(judged.state, 'clean');
});

test('one good probe after a long incident ends the alarm', () => {
  const baseline = { cases: 1500, passed: 1395 };
  let previousLogStatistic: number | undefined;
  for (let n = 0; n < 100; n += 1) {
    const judged = judgeGoldRun({ ...usual, baseline, probe: { cases: 300, passed: 200 }, previousLogStatistic });
    assert.equal(judged.state, 'drift');
    previousLogStatistic = judged.figures['logStatistic'];
  }
  const healed = judgeGoldRun({ ...usual, baseline, probe: { cases: 300, passed: 280 }, previousLogStatistic });
  assert.equal(healed.state, 'clean');
});

test('no answer, no baseline and no case are states of their own that leave the statistic as it was', () => {
  const baseline = { cases: 300, passed: 280 };
  const previous = { ...usual, previousLogStatistic: 3.5 };
  const down = judgeGoldRun({ ...previous, baseline, probe: 'down' });
  const unmeasured = judgeGoldRun({ ...previous, baseline: null, probe: { cases: 300, passed: 0 } });
  const empty = judgeGoldRun({ ...previous, baseline, probe: { cases: 0, passed: 0 } });
  const hopeless = judgeGoldRun({ ...previous, baseline: { cases: 5, passed: 0 }, probe: { cases: 5, passed: 0 } });
  assert.deepEqual(
    [down.state, unmeasured.state, empty.state, hopeless.state],
    ['down', 'unknown', 'unknown', 'unknown'],
  );
  for (const judged of [down, unmeasured, empty, hopeless]) {
    assert.equal(judged.effect, null);
    assert.equal(judged.figures['logStatistic'], 3.5);
  }
});
