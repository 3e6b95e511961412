import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayOf, expectedDelay } from '../../src/watch/expected-delay.ts';
import { judgeGoldRun, wantsConfirmation, type GoldBaseline } from '../../src/watch/gold-monitor.ts';
import { drawBinomial, median, seededRandom } from './random.ts';

const logThreshold = Math.log(35_040 * 2);
const usual = { margin: 0.01, logThreshold };

/** A baseline whose repeats differ as coin tosses do, or always agree. */
function baselineOf(cases: number, passed: number, repeats = 1): GoldBaseline {
  const rate = passed / cases;
  const spread = (rate * (1 - rate)) / repeats;
  return { cases, passed, repeats, squares: cases * (rate * rate + spread) };
}

/** Probes until the alarm, at most `limit`; Infinity when there is none. */
function probesToAlarm(random: () => number, share: number, limit: number): number {
  const baseline = baselineOf(300, drawBinomial(random, 1500, 0.93) / 5, 5);
  const next = () => drawBinomial(random, 300, share);
  return delayOf({ ...usual, baseline, cases: 300, confirms: true }, next, limit).probes;
}

test('a noisy model that stays as good as its baseline raises no alarm in 30,000 probes', () => {
  const random = seededRandom(1);
  const alarms = Array.from({ length: 30 }, () => probesToAlarm(random, 0.93, 1000));
  assert.deepEqual(new Set(alarms), new Set([Infinity]));
});

test('a drop of 10 points is seen within 3 probes and one of 5 points within 12, in the median', () => {
  const random = seededRandom(2);
  const delays = (share: number) => Array.from({ length: 200 }, () => probesToAlarm(random, share, 300));
  assert.ok(median(delays(0.83)) <= 3);
  assert.ok(median(delays(0.88)) <= 12);
});

test('the delay to expect is that of the test itself, longer for fewer cases, and null when it never comes', () => {
  const input = { ...usual, baseline: baselineOf(300, 279, 5), cases: 300, confirms: false };
  const [ten, five] = [0.1, 0.05].map((drop) => expectedDelay(input, drop) ?? Infinity);
  assert.ok(ten !== undefined && five !== undefined && ten <= 3 && five > ten && five <= 12, `${ten}, ${five}`);
  assert.ok((expectedDelay({ ...input, cases: 60 }, 0.05) ?? 0) > 2 * five);
  assert.equal(expectedDelay(input, 0.01), null);
});

test('repeats that always agree count as one, repeats that differ as coins do count in full', () => {
  const healthy = (baseline: GoldBaseline) =>
    judgeGoldRun({ ...usual, baseline, probe: { cases: 300, passed: 279 } }).figures['healthyRate'];
  const once = healthy(baselineOf(300, 279));
  assert.equal(healthy({ cases: 300, passed: 279, repeats: 5, squares: 279 }), once);
  const fiveTimes = healthy(baselineOf(300, 279, 5));
  assert.ok(Number(fiveTimes) > Number(once) + 0.01);
  // Averages that differ less than coins would must not count for more answers than there were.
  assert.equal(healthy({ cases: 300, passed: 279, repeats: 5, squares: 279 * 0.93 }), fiveTimes);
});

test('a model that answers nothing right is seen at the first probe, with a tiny gold set at the second', () => {
  for (const cases of [50, 300]) {
    const judged = judgeGoldRun({ ...usual, baseline: baselineOf(cases, cases), probe: { cases, passed: 0 } });
    assert.equal(judged.state, 'drift', `${cases} cases`);
    assert.equal(judged.effect, 1);
  }
  const tiny = { ...usual, baseline: baselineOf(20, 20), probe: { cases: 20, passed: 0 } };
  const first = judgeGoldRun(tiny);
  assert.equal(first.state, 'clean');
  const logStatistic = Number(first.figures['logStatistic']);
  assert.ok(wantsConfirmation({ state: 'clean', logStatistic }, logThreshold), 'a second probe is wanted at once');
  assert.equal(judgeGoldRun({ ...tiny, previousLogStatistic: logStatistic }).state, 'drift');
});

test('a deterministic model that passes as many as before never alarms, nor wants a second probe', () => {
  let previousLogStatistic: number | undefined;
  for (let n = 0; n < 50_000; n += 1) {
    const probe = { cases: 300, passed: 281 };
    const judged = judgeGoldRun({ ...usual, baseline: baselineOf(300, 281), probe, previousLogStatistic });
    assert.equal(judged.state, 'clean');
    previousLogStatistic = Number(judged.figures['logStatistic']);
    assert.ok(!wantsConfirmation({ state: 'clean', logStatistic: previousLogStatistic }, logThreshold));
  }
});

test('a drop smaller than the margin does not alarm, even with the statistic at its threshold', () => {
  const judged = judgeGoldRun({
    ...usual,
    margin: 0.2,
    baseline: baselineOf(300, 280),
    probe: { cases: 300, passed: 230 },
    previousLogStatistic: 1000,
  });
  assert.equal(judged.state, 'clean');
});

test('one good probe after a long incident ends the alarm', () => {
  const baseline = baselineOf(300, 279, 5);
  let previousLogStatistic: number | undefined;
  for (let n = 0; n < 100; n += 1) {
    const judged = judgeGoldRun({ ...usual, baseline, probe: { cases: 300, passed: 200 }, previousLogStatistic });
    assert.equal(judged.state, 'drift');
    previousLogStatistic = Number(judged.figures['logStatistic']);
  }
  const healed = judgeGoldRun({ ...usual, baseline, probe: { cases: 300, passed: 280 }, previousLogStatistic });
  assert.equal(healed.state, 'clean');
});

test('no answer, no baseline and no case are states of their own that leave the statistic as it was', () => {
  const baseline = baselineOf(300, 280);
  const previous = { ...usual, previousLogStatistic: 3.5 };
  const down = judgeGoldRun({ ...previous, baseline, probe: 'down' });
  const unmeasured = judgeGoldRun({ ...previous, baseline: null, probe: { cases: 300, passed: 0 } });
  const empty = judgeGoldRun({ ...previous, baseline, probe: { cases: 0, passed: 0 } });
  const hopeless = judgeGoldRun({ ...previous, baseline: baselineOf(5, 0), probe: { cases: 5, passed: 0 } });
  assert.deepEqual(
    [down.state, unmeasured.state, empty.state, hopeless.state],
    ['down', 'unknown', 'unknown', 'unknown'],
  );
  for (const judged of [down, unmeasured, empty, hopeless]) {
    assert.equal(judged.effect, null);
    assert.equal(judged.figures['logStatistic'], 3.5);
  }
});
