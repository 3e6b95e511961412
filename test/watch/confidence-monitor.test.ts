import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeConfidence, windowSizes } from '../../src/watch/confidence-monitor.ts';
import type { ConfidenceJudgementInput } from '../../src/watch/confidence-monitor.ts';
import type { Judgement } from '../../src/watch/judgement.ts';
import { drawBinomial, median, seededRandom } from './random.ts';

const usual = { minIncrease: 0.05, referenceRequests: 500, windowRequests: 500, everySeconds: 900, idleSeconds: 1 };
const sizes = windowSizes(500);
const healthyLow = 0.1;

function judge(input: Partial<ConfidenceJudgementInput>): Judgement {
  const reference = { rows: 500, low: 50, complete: true };
  return judgeConfidence({ ...usual, reference, windows: [{ rows: 500, low: 50 }], ...input });
}

/** Requests until the alarm, looked at every `step` requests; Infinity when there is none within `requests`. */
function requestsToAlarm(random: () => number, lowShare: () => number, step: number, requests: number): number {
  const reference = { rows: 500, low: drawBinomial(random, 500, healthyLow), complete: true };
  const healthyBefore = 2000;
  const low = [0];
  for (let n = 1; n <= healthyBefore + requests; n += 1) {
    const share = n <= healthyBefore ? healthyLow : lowShare();
    low.push((low[n - 1] ?? 0) + (random() < share ? 1 : 0));
    if (n <= healthyBefore || n % step !== 0) continue;
    const windows = sizes.map((rows) => ({ rows, low: (low[n] ?? 0) - (low[n - rows] ?? 0) }));
    if (judge({ reference, windows }).state === 'drift') return n - healthyBefore;
  }
  return Infinity;
}

test('healthy traffic raises no alarm in 40,000 looks at overlapping windows', () => {
  const random = seededRandom(3);
  const delays = Array.from({ length: 20 }, () => requestsToAlarm(random, () => healthyLow, 20, 40_000));
  assert.deepEqual(new Set(delays), new Set([Infinity]));
});

test('drift is seen sooner the more of the traffic it is: a full break after some dozen requests', () => {
  const random = seededRandom(4);
  const delay = (drifted: number, requests: number): number =>
    median(
      Array.from({ length: 60 }, () =>
        requestsToAlarm(random, () => (random() < drifted ? 0.83 : healthyLow), 10, requests),
      ),
    );
  const delays = { full: delay(1, 1000), third: delay(0.3, 2000), tenth: delay(0.1, 6000) };
  assert.ok(delays.full <= 60 && delays.third <= 250 && delays.tenth <= 4000, JSON.stringify(delays));
});

test('a rise smaller than minIncrease never alarms, however sure it is', () => {
  const reference = { rows: 50_000, low: 5000, complete: true };
  const look = { reference, windowRequests: 50_000, windows: [{ rows: 50_000, low: 7000 }] };
  assert.equal(judge({ ...look, minIncrease: 0.05 }).state, 'clean');
  assert.equal(judge({ ...look, minIncrease: 0.03 }).state, 'drift');
});

test('a few low rows after a reference without any are chance, where a z test sees five standard errors', () => {
  const reference = { rows: 500, low: 0, complete: true };
  assert.equal(judge({ reference, windows: [{ rows: 100, low: 5 }] }).state, 'clean');
  assert.equal(judge({ reference, windows: [{ rows: 100, low: 10 }] }).state, 'drift');
});

test('the p-value is that of the exact conditional test', () => {
  // 3 of 4 against 1 of 4 is Fisher's tea: (16 + 1) / 70.
  const tea = judge({
    reference: { rows: 4, low: 1, complete: true },
    windows: [{ rows: 4, low: 3 }],
    referenceRequests: 4,
    windowRequests: 4,
  });
  assert.ok(Math.abs((tea.figures['pValue'] ?? 0) - 17 / 70) < 1e-12);
  assert.equal(judge({ windows: [{ rows: 500, low: 0 }] }).figures['pValue'], 1);
});

test('looking oftener asks for more evidence', () => {
  const windows = [{ rows: 100, low: 28 }];
  assert.equal(judge({ windows, everySeconds: 3600 }).state, 'drift');
  assert.equal(judge({ windows, everySeconds: 1 }).state, 'clean');
});

test('missing data is unknown: no log-probability, a reference still filling, a short window, silence', () => {
  const reasons: [Partial<ConfidenceJudgementInput>, RegExp][] = [
    [{ reference: null }, /log-probability/],
    [{ reference: { rows: 120, low: 3, complete: false } }, /120 of 500/],
    [{ windows: [{ rows: 99, low: 99 }] }, /99 production rows .* wanted 100/],
    [{ windows: [] }, /0 production rows/],
    [{ idleSeconds: 7200 }, /No production request for 120 minutes/],
  ];
  for (const [input, reason] of reasons) {
    const judged = judge(input);
    assert.equal(judged.state, 'unknown');
    assert.equal(judged.effect, null);
    assert.match(judged.reason, reason);
  }
});
