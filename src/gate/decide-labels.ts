import type { Gate } from './config.ts';
import { gateResult, type GateResult } from './decide-gate.ts';
import { chanceOfLoss, isTelling, levelFor, plainMargin, type GroupCount } from './plain-loss.ts';
import type { CaseResult } from './verdict.ts';

interface LabelCount extends GroupCount {
  label: string;
}

/**
 * Whether one completion lost what the mean over all of them would hide: a single poisoned label of a hundred is one
 * point of the pack. A completion fails when it lost more than the margin beyond doubt, see `plain-loss.ts`. Null
 * where none has enough cases to be told.
 */
export function decideLabels(
  gate: Gate,
  candidate: readonly CaseResult[],
  champion: readonly CaseResult[],
): GateResult | null {
  const margin = gate.maxDrop ?? plainMargin;
  const counts = countByLabel(candidate, champion);
  const level = levelFor(counts, margin);
  if (level === null) return null;
  const tested = counts.filter(({ cases }) => isTelling(cases, margin, level));
  const worse = tested
    .map((count) => ({ ...count, p: chanceOfLoss(count, margin) }))
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
