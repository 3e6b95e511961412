import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeConfidence } from '../../src/watch/confidence-monitor.ts';
import { healthyLevel } from '../../src/watch/healthy-level.ts';
import { judgeLowConfidence } from '../../src/watch/low-confidence-monitor.ts';
import { judgeNegativeFeedback } from '../../src/watch/negative-feedback-monitor.ts';
import type { TrafficLook } from '../../src/watch/share-test.ts';
import { drawBinomial, seededRandom } from './random.ts';

const logThreshold = Math.log(35_040 * 2);
const reference = { complete: true, spansDay: true, rows: 500, hours: [{ units: 500, sums: [50] }] };
const look = (more: Partial<TrafficLook>): TrafficLook => ({
  ...{ reference, block: { units: 100, sums: [10] }, idleSeconds: 1, everySeconds: 900, referenceRequests: 500 },
  ...{ logThreshold, margin: 0.05, firstDayMargin: 0.15 },
  ...more,
});

/** The state after each look of a stream of blocks. */
function follow(blocks: readonly { units: number; sums: number[] }[], more: Partial<TrafficLook> = {}): string[] {
  let previousLogStatistic: number | undefined;
  return blocks.map((block) => {
    const judged = judgeLowConfidence(look({ block, previousLogStatistic, ...more }));
    const { logStatistic } = judged.figures;
    if (typeof logStatistic === 'number') previousLogStatistic = logStatistic;
    return judged.state;
  });
}

test('a rise below the margin never alarms, however many rows show it; one above it does at once', () => {
  const millions = (share: number) => Array.from({ length: 500 }, () => ({ units: 1e6, sums: [1e6 * share] }));
  assert.ok(!follow(millions(0.149)).includes('drift'));
  assert.equal(follow(millions(0.2))[0], 'drift');
});

test('while the reference spans less than a day the larger margin holds', () => {
  const blocks = Array.from({ length: 100 }, () => ({ units: 1000, sums: [240] }));
  assert.ok(follow(blocks).includes('drift'));
  assert.ok(!follow(blocks, { reference: { ...reference, spansDay: false } }).includes('drift'));
});

test("a day's cycle that the reference has seen is healthy, by its worst hour; a stationary day adds nothing", () => {
  const shares = (at: (hour: number) => number) =>
    Array.from({ length: 24 }, (_, hour) => ({ units: 200, sums: [200 * at(hour)] }));
  const random = seededRandom(3);
  const flat = shares(() => 0).map(({ units }) => ({ units, sums: [drawBinomial(random, units, 0.1)] }));
  const level = (hours: { units: number; sums: number[] }[]) => healthyLevel(hours, { index: 0 }, 0).most;
  assert.ok(level(flat) < 0.125, `${level(flat)}`);
  const night = level(shares((hour) => (hour === 3 ? 0.5 : 0.1)));
  assert.ok(night > 0.45 && night < 0.55, `${night}`);
  const waves = shares((hour) => 0.15 + 0.12 * Math.sin((hour * Math.PI) / 12));
  const more = { reference: { ...reference, hours: waves } };
  const peak = Array.from({ length: 300 }, () => ({ units: 500, sums: [drawBinomial(random, 500, 0.27)] }));
  assert.ok(!follow(peak, more).includes('drift'));
  assert.ok(follow(peak).includes('drift'), 'without the cycle the same is drift');
});

test('healthy traffic raises no alarm in 40,000 looks', () => {
  const random = seededRandom(4);
  const blocks = Array.from({ length: 40_000 }, () => ({ units: 60, sums: [drawBinomial(random, 60, 0.1)] }));
  assert.ok(!follow(blocks).includes('drift'));
});

test('a full break is seen within some dozen users', () => {
  const random = seededRandom(5);
  const blocks = Array.from({ length: 4 }, () => ({ units: 20, sums: [drawBinomial(random, 20, 0.8)] }));
  assert.ok(follow(blocks, { reference: { ...reference, spansDay: false } }).includes('drift'));
});

test('confidence looks at the whole distribution: also at a model that grew sure of everything', () => {
  const sums = (rate: number[]) => rate.map((share) => 1000 * share);
  const quantiles = { ...reference, hours: [{ units: 1000, sums: sums([0.1, 0.1, 0.25, 0.5, 0.75, 0.9]) }] };
  const at = (rate: number[]) =>
    judgeConfidence(look({ reference: quantiles, block: { units: 1000, sums: sums(rate) }, margin: 0.1 }));
  assert.equal(at([0.1, 0.1, 0.25, 0.5, 0.75, 0.9]).state, 'clean');
  const sure = at([0, 0, 0, 0.02, 0.1, 0.5]);
  assert.equal(sure.state, 'drift');
  assert.match(sure.reason, /above the reference's 75 % quantile: 90.0 %/);
  assert.ok(Math.abs((sure.effect ?? 0) - 0.65) < 1e-9);
  assert.equal(at([0.4, 0.4, 0.6, 0.8, 0.9, 0.95]).state, 'drift');
  assert.equal(at([0.15, 0.15, 0.3, 0.55, 0.8, 0.93]).state, 'clean');
});

test('negative feedback is judged where feedback is given at all', () => {
  const hours = [{ units: 500, sums: [3] }];
  const judged = (everGiven: boolean) =>
    judgeNegativeFeedback({
      ...look({ reference: { ...reference, hours }, block: { units: 300, sums: [60] }, margin: 0.02 }),
      everGiven,
    });
  assert.equal(judged(false).state, 'unknown');
  assert.match(judged(false).reason, /Nobody has given feedback/);
  assert.equal(judged(true).state, 'drift');
});

test('missing data is unknown and keeps the statistic: a reference still filling, few users, silence', () => {
  const reasons: [Partial<TrafficLook>, RegExp][] = [
    [{ reference: { ...reference, rows: 120, complete: false } }, /120 of 500/],
    [{ block: { units: 19, sums: [19] } }, /19 users .* wanted 20/],
    [{ idleSeconds: 7200 }, /No production request for 120 minutes/],
  ];
  for (const [more, reason] of reasons) {
    const judged = judgeLowConfidence(look({ previousLogStatistic: 2, ...more }));
    assert.deepEqual([judged.state, judged.effect, judged.figures['logStatistic']], ['unknown', null, 2]);
    assert.match(judged.reason, reason);
  }
});
