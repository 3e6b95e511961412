import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gate } from '../../src/config.ts';
import { decideVerdict } from '../../src/gate/verdict.ts';
import type { CaseResult } from '../../src/gate/verdict.ts';

function gate(more: Partial<Gate> = {}): Gate {
  return { metric: 'pass_rate', slice: 'all', required: true, ...more };
}

/** `count` results of which the cases from `first` on, `failed` of them, fail. */
function results(count: number, failed: number, { slice = 'all', first = 0 } = {}): CaseResult[] {
  return Array.from({ length: count }, (_, n) => ({
    case: `${slice}-${n}`,
    slice,
    passed: n < first || n >= first + failed,
  }));
}

const outcomes = (input: Parameters<typeof decideVerdict>[0]): string => {
  const { verdict, gates } = decideVerdict(input);
  return [verdict, ...gates.map(({ outcome }) => outcome)].join(' ');
};

test('an absolute gate passes at its minimum and fails below it', () => {
  const gates = [gate({ min: 0.9 })];
  assert.equal(outcomes({ gates, champion: results(100, 5), candidate: results(100, 10) }), 'pass passed');
  assert.equal(outcomes({ gates, champion: results(100, 5), candidate: results(100, 11) }), 'fail failed');
});

test('a minimum such as 0.7 of ten cases is reached by seven, whatever floating point makes of it', () => {
  for (let count = 1; count < 100; count += 1) {
    const gates = [gate({ min: count / 100 })];
    const input = { gates, champion: null, candidate: results(100, 100 - count) };
    assert.equal(outcomes(input), 'pass passed', `${count} of 100`);
  }
});

test('a floor the champion misses too does not refuse a candidate at least as good, and is told', () => {
  const gates = [gate({ min: 0.9 })];
  for (const failed of [20, 15]) {
    const decision = decideVerdict({ gates, champion: results(100, 20), candidate: results(100, failed) });
    assert.equal(decision.verdict, 'pass');
    assert.equal(decision.gates[0]?.outcome, 'excused');
    assert.equal(decision.gates[0].passed, false);
    assert.match(decision.reasons.join(), /champion passes 80/);
  }
  assert.equal(outcomes({ gates, champion: results(100, 20), candidate: results(100, 21) }), 'fail failed');
});

test('a comparison passes when the paired bound stays above the margin', () => {
  const gates = [gate({ maxDrop: 0.025 })];
  const champion = results(600, 40);
  // Equal, without a discordant case; then 6 more failures; then 30 more.
  assert.equal(outcomes({ gates, champion, candidate: champion }), 'pass passed');
  assert.equal(outcomes({ gates, champion, candidate: results(600, 46) }), 'pass passed');
  assert.equal(outcomes({ gates, champion, candidate: results(600, 70) }), 'fail failed');
});

test('a comparison is paired: the same rates with more discordant cases say less', () => {
  const gates = [gate({ maxDrop: 0.025 })];
  const champion = results(600, 60);
  const swapped = results(600, 60, { first: 300 });
  assert.equal(outcomes({ gates, champion, candidate: results(600, 60) }), 'pass passed');
  assert.equal(outcomes({ gates, champion, candidate: swapped }), 'fail failed');
  const [only] = decideVerdict({ gates, champion, candidate: swapped }).gates;
  assert.deepEqual([only?.figures['gained'], only?.figures['lost']], [60, 60]);
});

test('pairs are found by case, whatever the order of the results', () => {
  const gates = [gate({ maxDrop: 0.025 })];
  const champion = results(300, 30);
  const [only] = decideVerdict({ gates, champion, candidate: [...champion].reverse() }).gates;
  assert.deepEqual([only?.figures['gained'], only?.figures['lost']], [0, 0]);
});

test('a slice is judged on its own cases, and all of them belong to "all"', () => {
  const gates = [gate({ min: 0.9 }), gate({ slice: 'hard', min: 0.9 })];
  const candidate = [...results(200, 0, { slice: 'easy' }), ...results(50, 10, { slice: 'hard' })];
  const decision = decideVerdict({ gates, champion: null, candidate });
  assert.deepEqual(
    decision.gates.map(({ outcome, figures }) => [outcome, figures['cases']]),
    [
      ['passed', 250],
      ['failed', 50],
    ],
  );
  assert.equal(decision.verdict, 'fail');
});

test('held-out corrections are judged apart: what is gained there does not pay for what is forgotten in "all"', () => {
  const slice = 'learned/20261121T000000-confidence';
  const gates = [gate({ maxDrop: 0.025 }), gate({ slice, min: 0.5 })];
  const champion = [...results(600, 0), ...results(100, 100, { slice })];
  const candidate = [...results(600, 40), ...results(100, 0, { slice })];
  assert.equal(outcomes({ gates, champion, candidate }), 'fail failed passed');
});

test('a required slice without cases, or with too few for its floor, is inconclusive and names what is missing', () => {
  const missing = decideVerdict({
    gates: [gate({ slice: 'new', min: 0.9 }), gate({ slice: 'few', min: 0.9 })],
    champion: null,
    candidate: [...results(300, 0), ...results(4, 0, { slice: 'few' })],
  });
  assert.equal(missing.verdict, 'inconclusive');
  assert.deepEqual(
    missing.gates.map(({ figures }) => figures['missingCases']),
    [10, 6],
  );
  assert.match(missing.reasons.join(), /new: 0 cases, 10 more/);
});

test('a margin of its own is used on a small slice; where even equal versions could not pass, it is inconclusive', () => {
  const small = results(80, 5);
  const gates = [gate({ maxDrop: 0.05 })];
  assert.equal(outcomes({ gates, champion: small, candidate: small }), 'pass passed');
  const tiny = results(40, 5);
  const decision = decideVerdict({ gates, champion: tiny, candidate: tiny });
  assert.equal(decision.verdict, 'inconclusive');
  assert.equal(decision.gates[0]?.figures['missingCases'], 12);
  assert.equal(outcomes({ gates, champion: results(40, 30), candidate: tiny }), 'pass passed');
});

test('a gate without numbers compares with 2.5 points, and is advisory under 300 cases', () => {
  const gates = [gate(), gate({ min: 0.5 })];
  const large = decideVerdict({ gates, champion: results(300, 9), candidate: results(300, 9) });
  assert.deepEqual([large.verdict, large.gates[0]?.required], ['pass', true]);
  const small = decideVerdict({ gates, champion: results(299, 9), candidate: results(299, 90) });
  assert.deepEqual([small.verdict, small.gates[0]?.required, small.gates[0]?.outcome], ['pass', false, 'failed']);
  const alone = decideVerdict({ gates: [gate()], champion: results(299, 9), candidate: results(299, 9) });
  assert.equal(alone.verdict, 'inconclusive');
  assert.match(alone.reasons.join(), /1 more cases/);
});

test('a first version is judged by absolute gates only', () => {
  const gates = [gate({ min: 0.9, maxDrop: 0.025 })];
  const decision = decideVerdict({ gates, champion: null, candidate: results(300, 0) });
  assert.deepEqual([decision.verdict, decision.first], ['pass', true]);
  assert.deepEqual(
    decision.gates.map(({ kind, outcome }) => `${kind} ${outcome}`),
    ['min passed', 'maxDrop not_applicable'],
  );
  assert.equal(outcomes({ gates, champion: null, candidate: results(300, 100) }), 'fail failed not_applicable');
  const without = decideVerdict({ gates: [gate({ maxDrop: 0.025 })], champion: null, candidate: results(300, 0) });
  assert.equal(without.verdict, 'fail');
  assert.match(without.reasons.join(), /`min`/);
});

test('no gate, and advisory gates alone, are not a pass', () => {
  const candidate = results(300, 0);
  for (const gates of [[], [gate({ required: false, min: 0.1 })]]) {
    const decision = decideVerdict({ gates, champion: candidate, candidate });
    assert.equal(decision.verdict, 'fail');
    assert.match(decision.reasons.join(), /nothing was asked/);
  }
});

test('an advisory gate that fails is told and does not decide', () => {
  const gates = [gate({ min: 0.5 }), gate({ required: false, min: 0.99 })];
  const input = { gates, champion: results(300, 0), candidate: results(300, 30) };
  assert.equal(outcomes(input), 'pass passed failed');
});

test('a failed gate weighs more than an inconclusive one, and both are told', () => {
  const gates = [gate({ min: 0.9 }), gate({ slice: 'none', min: 0.9 })];
  const decision = decideVerdict({ gates, champion: null, candidate: results(100, 50) });
  assert.equal(decision.verdict, 'fail');
  assert.equal(decision.reasons.length, 2);
});

test('cases that one version has not answered make it inconclusive', () => {
  const gates = [gate({ min: 0.1 })];
  for (const [before, now] of [
    [300, 299],
    [299, 300],
  ] as const) {
    const decision = decideVerdict({ gates, champion: results(before, 0), candidate: results(now, 0) });
    assert.equal(decision.verdict, 'inconclusive');
    assert.match(decision.reasons.join(), /^1 cases/);
  }
});

const scored = (scores: readonly number[], more: Partial<CaseResult> = {}): CaseResult[] =>
  scores.map((score, n) => ({ case: `c${n}`, slice: 'all', passed: score >= 0.5, score, ...more }));

test('scores are compared by a bootstrap, pass or fail of the same cases by Tango', () => {
  const champion = scored(Array.from({ length: 400 }, (_, n) => 0.6 + (n % 5) / 20));
  const worse = scored(champion.map(({ score = 0 }) => score - 0.05));
  const [score] = decideVerdict({
    gates: [gate({ metric: 'score', maxDrop: 0.04 })],
    champion,
    candidate: worse,
  }).gates;
  assert.deepEqual([score?.method, score?.outcome], ['bootstrap', 'failed']);
  const wide = decideVerdict({ gates: [gate({ metric: 'score', maxDrop: 0.06 })], champion, candidate: worse });
  assert.equal(wide.verdict, 'pass');
  const [rate] = decideVerdict({ gates: [gate({ maxDrop: 0.04 })], champion, candidate: worse }).gates;
  assert.deepEqual([rate?.method, rate?.outcome], ['tango', 'passed']);
});

test('repeats of one case count as their share, not as cases of their own', () => {
  const shares = (rate: number) => results(300, 0).map((one) => ({ ...one, passed: false, rate }));
  const decision = decideVerdict({ gates: [gate({ min: 0.7 })], champion: null, candidate: shares(0.75) });
  assert.deepEqual([decision.verdict, decision.gates[0]?.figures['candidatePassed']], ['pass', 225]);
  const [drop] = decideVerdict({ gates: [gate()], champion: shares(0.75), candidate: shares(0.7) }).gates;
  assert.deepEqual([drop?.method, drop?.outcome, drop?.figures['cases']], ['bootstrap', 'failed', 300]);
});

test('an improvement must be shown, and too few cases to show one are inconclusive', () => {
  const slice = 'learned/one';
  const gates = [gate({ metric: 'improvement', slice: 'learned' })];
  const learned = (count: number, failed: number) => results(count, failed, { slice });
  assert.equal(outcomes({ gates, champion: learned(20, 20), candidate: learned(20, 5) }), 'pass passed');
  assert.equal(outcomes({ gates, champion: learned(20, 6), candidate: learned(20, 5) }), 'fail failed');
  const few = decideVerdict({ gates, champion: learned(2, 2), candidate: learned(2, 0) });
  assert.equal(few.verdict, 'inconclusive');
  assert.equal(few.gates[0]?.figures['missingCases'], 1);
  assert.match(few.reasons.join(), /1 more are needed to show an improvement/);
  const by = [gate({ metric: 'improvement', slice: 'learned', min: 0.6 })];
  assert.equal(outcomes({ gates: by, champion: learned(20, 20), candidate: learned(20, 5) }), 'fail failed');
  assert.equal(outcomes({ gates, champion: null, candidate: learned(20, 0) }), 'fail not_applicable');
});

test('latency and size are held to their budgets, absolute and against the champion', () => {
  const timed = (ms: number) => results(100, 0).map((one, n) => ({ ...one, latencyMs: n < 95 ? ms : 10_000 }));
  const input = { champion: timed(100), candidate: timed(120), sizes: { candidate: 12, champion: 10 } };
  const decide = (more: Partial<Gate>) => outcomes({ ...input, gates: [gate({ min: 0.5 }), gate(more)] });
  assert.equal(decide({ metric: 'latency_p95_ms', max: 120 }), 'pass passed passed');
  assert.equal(decide({ metric: 'latency_p95_ms', max: 119 }), 'fail passed failed');
  assert.equal(decide({ metric: 'latency_p95_ms', maxRise: 0.2 }), 'pass passed passed');
  assert.equal(decide({ metric: 'latency_p95_ms', maxRise: 0.19 }), 'fail passed failed');
  assert.equal(decide({ metric: 'size_mb', max: 12, maxRise: 0.1 }), 'fail passed passed failed');
  const untimed = { ...input, champion: results(100, 0), candidate: results(100, 0) };
  const latency = [gate({ min: 0.5 }), gate({ metric: 'latency_p95_ms', max: 100 })];
  assert.equal(outcomes({ ...untimed, gates: latency }), 'inconclusive passed inconclusive');
  const upstream = { ...input, sizes: { candidate: null, champion: null } };
  assert.equal(
    outcomes({ ...upstream, gates: [gate({ min: 0.5 }), gate({ metric: 'size_mb', max: 1 })] }),
    'pass passed not_applicable',
  );
});

test('budgets alone ask nothing of the answers, and are no pass', () => {
  const input = { champion: null, candidate: results(300, 0), sizes: { candidate: 1, champion: null } };
  const decision = decideVerdict({ ...input, gates: [gate({ metric: 'size_mb', max: 5 })] });
  assert.equal(decision.verdict, 'fail');
  assert.match(decision.reasons.join(), /Only budgets/);
});

test('a first version passes on budgets where the gates on its answers compare only', () => {
  const gates = [gate({ maxDrop: 0.02 }), gate({ metric: 'size_mb', max: 5 })];
  const decide = (size: number, champion: CaseResult[] | null) =>
    outcomes({ gates, champion, candidate: results(300, 0), sizes: { candidate: size, champion: null } });
  assert.equal(decide(5, null), 'pass not_applicable passed');
  assert.equal(decide(6, null), 'fail not_applicable failed');
});

test('answers that could not be judged count against the candidate, and are inconclusive where they decide', () => {
  const unknown = (all: CaseResult[], count: number) =>
    all.map((one, n) => (n < count ? { ...one, passed: null } : one));
  const gates = [gate({ min: 0.9 })];
  const decide = (failed: number, count: number) =>
    decideVerdict({ gates, champion: null, candidate: unknown(results(100, failed, { first: 50 }), count) });
  const enough = decide(4, 6);
  assert.deepEqual([enough.verdict, enough.gates[0]?.figures['unknownCases']], ['pass', 6]);
  const open = decide(5, 6);
  assert.equal(open.verdict, 'inconclusive');
  assert.match(open.reasons.join(), /6 answers could not be judged, and they decide/);
  assert.equal(decide(11, 6).verdict, 'fail');
  const champion = unknown(results(600, 0), 30);
  assert.equal(outcomes({ gates: [gate({ maxDrop: 0.025 })], champion, candidate: results(600, 0) }), 'pass passed');
  assert.equal(
    outcomes({ gates: [gate({ maxDrop: 0.025 })], champion: results(600, 0), candidate: champion }),
    'inconclusive inconclusive',
  );
});
