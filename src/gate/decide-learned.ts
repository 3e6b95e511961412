import type { Gate } from './config.ts';
import { compare, gateResult, minimumCases, where, type GateResult, type Pair } from './decide-gate.ts';
import { chanceOfLoss, levelFor } from './plain-loss.ts';
import { isLearned } from './slices.ts';
import type { CaseResult } from './verdict.ts';

/**
 * What a slice of held-out corrections may lose before it counts as forgotten. Two trainings on nearly the same rows differ
 * in 6 to 10 % of the cases, so an equal candidate loses up to 5 %: with a wider margin, small slices hide real losses.
 */
const forgottenMargin = 0.05;
/** One case is no more than chance takes. */
const fewestLost = 2;

/**
 * The level at which one slice of held-out corrections counts as forgotten, so that all of them together give a false
 * alarm in 5 % of runs at most; null where none has enough cases to be told.
 */
export function forgottenLevel(results: readonly CaseResult[]): number | null {
  const sizes = new Map<string, number>();
  for (const { slice } of results) if (isLearned(slice)) sizes.set(slice, (sizes.get(slice) ?? 0) + 1);
  const small = [...sizes.values()].filter((cases) => cases >= fewestLost && cases < minimumCases);
  return levelFor(
    small.map((cases) => ({ cases })),
    forgottenMargin,
  );
}

/**
 * Refuses a candidate that has plainly forgotten what an earlier one learned, where the slice is too small to show that
 * nothing was lost: by the test of `label/*` with a narrower margin, see `plain-loss.ts`. Null where that is not so, or not to be asked: other
 * slices, a margin of their own, enough cases for the comparison, no champion, scores between pass and failure.
 */
export function decideForgotten(gate: Gate, { candidate, champion }: Pair, level: number | null): GateResult | null {
  const cases = candidate.length;
  if (!isLearned(gate.slice) || gate.maxDrop !== undefined || cases >= minimumCases) return null;
  if (champion === null || level === null) return null;
  const { method, lost, gained, figures } = compare({ candidate, champion });
  if (method !== 'tango' || lost < fewestLost) return null;
  const p = chanceOfLoss({ cases, lost, gained }, forgottenMargin);
  if (p > level) return null;
  const reason =
    `${where(gate)}: what it taught is forgotten, ${lost} of ${cases} cases lost and ${gained} gained, margin ` +
    `${forgottenMargin} (p ${p.toExponential(1)}, wanted above ${level.toExponential(1)}). ` +
    'If that is meant, name the slice in evals.gates with required: false.';
  const told = { ...figures, maxDrop: forgottenMargin, p, level };
  return gateResult(gate, { kind: 'maxDrop', method: 'binomial', outcome: 'failed', reason, figures: told });
}
