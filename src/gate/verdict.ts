import { isBudget, type Gate } from './config.ts';
import {
  decideBudget,
  decideDrop,
  decideImprovement,
  decideMinimum,
  gateResult,
  where,
  type GateOutcome,
  type GateResult,
  type Pair,
} from './decide-gate.ts';
import { decideLabels } from './decide-labels.ts';
import { decideForgotten, forgottenLevel } from './decide-learned.ts';
import { eachLabel, inSlice } from './slices.ts';

/** What one version did with one case of the eval pack. */
export interface CaseResult {
  case: string;
  slice: string;
  /** The completion it wants, where other cases of the pack want it, too. */
  label?: string | undefined;
  /** Every repeat passed; null when that could not be told, as without an answer of the judge. */
  passed: boolean | null;
  /** Share of the repeats that passed, where they disagree. */
  rate?: number | undefined;
  /** Mean score, where it is not just 1 for a pass and 0 for a failure. */
  score?: number | undefined;
  /** Mean over the repeats, where answers were timed one by one. */
  latencyMs?: number | undefined;
}

export interface Decision {
  verdict: 'pass' | 'fail' | 'inconclusive';
  /** There was no champion: only absolute gates were decided. */
  first: boolean;
  gates: GateResult[];
  /** Why it is not a pass, and what was excused; empty when there is nothing to say. */
  reasons: string[];
}

export interface VerdictInput {
  gates: readonly Gate[];
  /** Null for the first version of a model. */
  champion: readonly CaseResult[] | null;
  candidate: readonly CaseResult[];
  /** Of the artifacts, in MB; null for an upstream. */
  sizes?: { candidate: number | null; champion: number | null };
}

/**
 * Decides whether the candidate may replace the champion. Both have answered the same pack.
 *
 * - `pass_rate` and `score`: `min`, absolute (the loop refuses a candidate that fails what the champion passed; a floor
 *   the champion itself misses excuses a candidate at least as good), and `maxDrop`, paired non-inferiority: the lower
 *   95 % bound of candidate - champion stays above -maxDrop. Where even two equal versions could not show that, for want
 *   of cases, a bound that fails is inconclusive. With neither: `maxDrop` of 2.5 points, advisory on slices under
 *   300 cases; of held-out corrections even so a candidate that has plainly forgotten them fails, see `decideForgotten`.
 * - slice `label/*`: no completion lost more than `maxDrop` (10 points) beyond doubt; see `decideLabels`.
 * - `improvement`: the same bound is above `min`.
 * - `latency_p95_ms` and `size_mb`: budgets.
 *
 * A case that could not be judged counts against the candidate; where that alone makes the difference, the gate is
 * inconclusive. All required gates must pass, so several of them need no correction. A failed one is a `fail`; without
 * that, one inconclusive one makes it `inconclusive`. Nothing required that was decided is never a pass.
 */
export function decideVerdict(input: VerdictInput): Decision {
  const { gates, champion, candidate } = input;
  const first = champion === null;
  const unpaired = champion === null ? 0 : countUnpaired(champion, candidate);
  if (unpaired > 0) {
    const reason = `${unpaired} cases were answered by one version only. Wanted both on the same pack.`;
    return { verdict: 'inconclusive', first, gates: [], reasons: [reason] };
  }
  const level = forgottenLevel(candidate);
  const results = gates.flatMap((gate) => decideGate(gate, input, level));
  return { first, gates: results, ...combine(results, first) };
}

function decideGate(gate: Gate, { champion, candidate, sizes }: VerdictInput, level: number | null): GateResult[] {
  if (gate.slice === eachLabel) {
    const decided = champion === null ? null : decideLabels(gate, candidate, champion);
    return decided === null ? [] : [decided];
  }
  const own = candidate.filter(({ slice }) => inSlice(slice, gate.slice));
  const byCase = new Map(champion?.map((result) => [result.case, result]));
  const before = champion === null ? null : own.map((result) => byCase.get(result.case)).filter((x) => x !== undefined);
  const judged = (decide: (pair: Pair) => GateResult) => decideWithUnknown(gate, own, before, decide);
  switch (gate.metric) {
    case 'pass_rate':
    case 'score': {
      const { min } = gate;
      const floor = min === undefined ? [] : [judged((pair) => decideMinimum(gate, min, pair))];
      if (min !== undefined && gate.maxDrop === undefined) return floor;
      return [...floor, judged((pair) => decideForgotten(gate, pair, level) ?? decideDrop(gate, pair))];
    }
    case 'improvement':
      return [judged((pair) => decideImprovement(gate, pair))];
    case 'latency_p95_ms':
    case 'size_mb': {
      const figures =
        gate.metric === 'size_mb'
          ? { candidate: sizes?.candidate ?? null, champion: sizes?.champion ?? null }
          : { candidate: p95(own), champion: before === null ? null : p95(before) };
      const kinds = (['max', 'maxRise'] as const).filter((kind) => gate[kind] !== undefined);
      return kinds.map((kind) => decideBudget(gate, kind, figures));
    }
  }
}

/** Decides with the unknown cases counted against the candidate, then for it, and says when they decide. */
function decideWithUnknown(
  gate: Gate,
  candidate: readonly CaseResult[],
  champion: readonly CaseResult[] | null,
  decide: (pair: Pair) => GateResult,
): GateResult {
  const value = (unknown: number) => (result: CaseResult) => valueOf(result, gate.metric) ?? unknown;
  const worst = decide({ candidate: candidate.map(value(0)), champion: champion?.map(value(1)) ?? null });
  const unknownCases = [...candidate, ...(champion ?? [])].filter(({ passed }) => passed === null).length;
  if (unknownCases === 0) return worst;
  const counted = (result: GateResult): GateResult => ({ ...result, figures: { ...result.figures, unknownCases } });
  if (worst.outcome !== 'failed') return counted(worst);
  const best = decide({ candidate: candidate.map(value(1)), champion: champion?.map(value(0)) ?? null });
  if (best.outcome === 'failed' && best.required === worst.required) return counted(best);
  const reason = `${where(gate)}: ${unknownCases} answers could not be judged, and they decide. Check evals.judge and evals.embeddings.`;
  return counted({
    ...worst,
    ...gateResult(gate, { ...worst, outcome: 'inconclusive', reason }),
    required: worst.required,
  });
}

function valueOf({ passed, rate, score }: CaseResult, metric: Gate['metric']): number | null {
  if (passed === null) return null;
  const share = rate ?? (passed ? 1 : 0);
  return metric === 'score' ? (score ?? share) : share;
}

function combine(results: readonly GateResult[], first: boolean): Pick<Decision, 'verdict' | 'reasons'> {
  const required = results.filter((result) => result.required);
  const withOutcome = (outcome: GateOutcome): string[] =>
    required.filter((result) => result.outcome === outcome).map(({ reason }) => reason);
  const failed = withOutcome('failed');
  const inconclusive = withOutcome('inconclusive');
  const excused = withOutcome('excused');
  if (failed.length > 0) return { verdict: 'fail', reasons: [...failed, ...inconclusive, ...excused] };
  if (inconclusive.length > 0) return { verdict: 'inconclusive', reasons: [...inconclusive, ...excused] };
  // That no completion was lost says nothing of the whole.
  const quality = required.filter((result) => !isBudget(result) && result.slice !== eachLabel);
  // A first version may have budgets as its only absolute gates: the answers of the next one are compared with its own.
  const decisive = first && quality.length > 0 ? required : quality;
  if (decisive.some(({ outcome }) => outcome === 'passed' || outcome === 'excused')) {
    return { verdict: 'pass', reasons: excused };
  }
  if (results.length === 0)
    return { verdict: 'fail', reasons: ['No gate is set: nothing was asked of the candidate.'] };
  if (required.length > 0 && quality.length === 0) {
    const reason = 'Only budgets are required: nothing was asked of the answers. Set a gate on pass_rate or score.';
    return { verdict: 'fail', reasons: [reason] };
  }
  if (required.length > 0) {
    const reason = 'Only comparisons are required, and there is no champion to compare with. Set a gate with `min`.';
    return { verdict: 'fail', reasons: [reason] };
  }
  const short = results.filter(({ figures }) => figures['missingCases'] !== undefined);
  if (short.length > 0) return { verdict: 'inconclusive', reasons: short.map(({ reason }) => reason) };
  return { verdict: 'fail', reasons: ['No gate is required: nothing was asked of the candidate.'] };
}

/** The smallest latency that 95 % of the cases do not exceed; null when none was timed. */
function p95(results: readonly CaseResult[]): number | null {
  const sorted = results
    .map(({ latencyMs }) => latencyMs)
    .filter((ms) => ms !== undefined)
    .sort((a, b) => a - b);
  return sorted[Math.ceil(0.95 * sorted.length) - 1] ?? null;
}

function countUnpaired(champion: readonly CaseResult[], candidate: readonly CaseResult[]): number {
  const before = new Set(champion.map((result) => result.case));
  const after = new Set(candidate.map((result) => result.case));
  return [...before].filter((id) => !after.has(id)).length + [...after].filter((id) => !before.has(id)).length;
}
