import type { Gate } from './config.ts';
import { gateResult, type GateResult } from './decide-gate.ts';
import type { CaseResult } from './verdict.ts';

/** What a completion may lose where the gate sets no margin. */
export const defaultLabelMargin = 0.1;

/** The chance of one false alarm or more, over all completions together. */
const falseAlarms = 0.05;

interface LabelCount {
  label: string;
  cases: number;
  /** Passed by the champion only, and by the candidate only. */
  lost: number;
  gained: number;
}

/**
 * Whether one completion lost what the mean over all of them would hide: a single poisoned label of a hundred is one
 * point of the pack. A completion fails when it lost more than the margin beyond doubt: an exact one-sided binomial test
 * of its lost cases, against the margin and what it gained elsewhere among its cases. The level is divided by the number
 * of completions that have enough cases to be told at all (Tarone 1990, "A modified Bonferroni method for discrete
 * data"). Null where none has.
 */
export function decideLabels(
  gate: Gate,
  candidate: readonly CaseResult[],
  champion: readonly CaseResult[],
): GateResult | null {
  const margin = gate.maxDrop ?? defaultLabelMargin;
  const counts = countByLabel(candidate, champion);
  const level = levelFor(counts, margin);
  if (level === null) return null;
  const tested = counts.filter(({ cases }) => margin ** cases <= level);
  const worse = tested
    .map((count) => ({ ...count, p: chanceOf(count, margin) }))
    .filter(({ p }) => p <= level)
    .sort((one, other) => one.p - other.p);
  const [worst] = worse;
  const figures = { completions: counts.length, tested: tested.length, worse: worse.length, maxDrop: margin, level };
  if (worst === undefined) {
    const reason = `Completions: none of ${tested.length} lost more than ${margin} of its cases beyond doubt.`;
    return gateResult(gate, { kind: 'maxDrop', method: 'binomial', outcome: 'passed', reason, figures });
  }
  const more = worse.length === 1 ? '' : `, and ${worse.length - 1} more completions`;
  const reason =
    `Completion ${worst.label}: ${worst.lost} cases lost, ${worst.gained} gained of ${worst.cases}, margin ${margin} ` +
    `(p ${worst.p.toExponential(1)}, wanted above ${level.toExponential(1)})${more}. Are its corrections right?`;
  const told = { ...figures, cases: worst.cases, lost: worst.lost, gained: worst.gained, p: worst.p };
  return gateResult(gate, { kind: 'maxDrop', method: 'binomial', outcome: 'failed', reason, figures: told });
}

function countByLabel(candidate: readonly CaseResult[], champion: readonly CaseResult[]): LabelCount[] {
  const before = new Map(champion.map((result) => [result.case, result.passed]));
  const counts = new Map<string, LabelCount>();
  for (const { case: id, label, passed } of candidate) {
    if (label === undefined) continue;
    const count = counts.get(label) ?? { label, cases: 0, lost: 0, gained: 0 };
    counts.set(label, count);
    count.cases += 1;
    if (passed === false && before.get(id) === true) count.lost += 1;
    if (passed === true && before.get(id) === false) count.gained += 1;
  }
  return [...counts.values()];
}

/** The level of one test; null when not even a completion that lost every case could be told. */
function levelFor(counts: readonly LabelCount[], margin: number): number | null {
  for (let tests = 1; tests <= counts.length; tests += 1) {
    const telling = counts.filter(({ cases }) => margin ** cases <= falseAlarms / tests).length;
    if (telling === 0) return null;
    if (telling <= tests) return falseAlarms / tests;
  }
  return null;
}

function chanceOf({ cases, lost, gained }: LabelCount, margin: number): number {
  return binomialTail(lost, cases, Math.min(1, margin + gained / cases));
}

/** P(X >= hits) of a binomial X; the terms are summed from the one at `hits` on. */
function binomialTail(hits: number, cases: number, share: number): number {
  if (hits === 0 || share >= 1) return 1;
  let logTerm = hits * Math.log(share) + (cases - hits) * Math.log(1 - share);
  for (let n = 1; n <= hits; n += 1) logTerm += Math.log((cases - hits + n) / n);
  let term = Math.exp(logTerm);
  let tail = term;
  for (let n = hits; n < cases; n += 1) {
    term *= ((cases - n) / (n + 1)) * (share / (1 - share));
    tail += term;
  }
  return Math.min(1, tail);
}
