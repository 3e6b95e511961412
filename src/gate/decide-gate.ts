import { bootstrapLowerBound } from './bootstrap.ts';
import type { Gate } from './config.ts';
import { fewestCasesFor, pairedLowerBound } from './paired.ts';

/** A version's value in each case of a slice, between 0 and 1; of two versions in the same order. */
export interface Pair {
  candidate: readonly number[];
  /** Null for the first version of a model. */
  champion: readonly number[] | null;
}

/**
 * `excused`: below an absolute gate that the champion fails too, and not worse than the champion. `inconclusive`: not
 * enough cases, or not enough known of them. `not_applicable`: a comparison without a champion, or without a size.
 */
export type GateOutcome = 'passed' | 'excused' | 'failed' | 'inconclusive' | 'not_applicable';

/** `point`: figures compared as they are; `binomial`: an exact test of lost cases. */
export type GateMethod = 'point' | 'tango' | 'bootstrap' | 'binomial';

export interface GateResult {
  metric: Gate['metric'];
  slice: string;
  kind: 'min' | 'maxDrop' | 'max' | 'maxRise';
  method: GateMethod;
  /** False for an advisory gate: told, but never decisive. */
  required: boolean;
  outcome: GateOutcome;
  passed: boolean;
  reason: string;
  figures: Record<string, number>;
}

/** The margin of a comparison that sets none. */
export const defaultMargin = 0.025;
/** A comparison without a margin of its own is advisory on a slice with fewer cases. */
export const minimumCases = 300;

/** An absolute floor. A champion below it too excuses a candidate at least as good: else no repair could ever pass. */
export function decideMinimum(gate: Gate, min: number, { candidate, champion }: Pair): GateResult {
  const cases = candidate.length;
  const passed = sum(candidate);
  const championPassed = champion === null ? null : sum(champion);
  const figures = { cases, candidatePassed: passed, min, ...(championPassed === null ? {} : { championPassed }) };
  const told = (outcome: GateOutcome, reason: string, more = {}): GateResult =>
    gateResult(gate, { kind: 'min', method: 'point', outcome, reason, figures: { ...figures, ...more } });
  const fewest = min >= 1 ? 1 : Math.ceil(1 / (1 - min) - 1e-9);
  if (cases < fewest) {
    const missing = fewest - cases;
    const reason = `${where(gate)}: ${cases} cases, ${missing} more are needed for a minimum of ${min}.`;
    return told('inconclusive', reason, { missingCases: missing });
  }
  const reached = (value: number): boolean => value >= min * cases - 1e-9;
  const rate = `${readable(passed)} of ${cases} cases pass, wanted ${min}`;
  if (reached(passed)) return told('passed', `${where(gate)}: ${rate}.`);
  if (championPassed !== null && !reached(championPassed) && passed >= championPassed) {
    const reason = `${where(gate)}: ${rate}; the champion passes ${readable(championPassed)}, so it stands.`;
    return told('excused', reason);
  }
  return told('failed', `${where(gate)}: ${rate}.`);
}

/** Paired non-inferiority: the lower bound of candidate - champion stays above -margin. */
export function decideDrop(gate: Gate, { candidate, champion }: Pair): GateResult {
  const margin = gate.maxDrop ?? defaultMargin;
  const cases = candidate.length;
  if (champion === null) return withoutChampion(gate, 'maxDrop', { cases, maxDrop: margin });
  const { lowerBound, method, figures } = compare({ candidate, champion });
  const advisory = gate.maxDrop === undefined && cases < minimumCases;
  const told = (outcome: GateOutcome, reason: string, more = {}): GateResult => ({
    ...gateResult(gate, {
      kind: 'maxDrop',
      method,
      outcome,
      reason,
      figures: { ...figures, maxDrop: margin, ...more },
    }),
    required: gate.required && !(advisory && cases > 0),
  });
  const fewest = fewestCasesFor(margin);
  const wanted = gate.maxDrop === undefined ? minimumCases : fewest;
  const short = `${where(gate)}: ${cases} cases, ${wanted - cases} more are needed for a margin of ${margin}.`;
  if (cases === 0) return told('inconclusive', short, { missingCases: wanted });
  const missing = cases < wanted ? { missingCases: wanted - cases } : {};
  const numbers = `${where(gate)}: ${describe(figures)}, lower bound ${lowerBound.toFixed(4)}, margin ${margin}`;
  const note = advisory ? `; advisory, ${minimumCases - cases} more cases are needed.` : '.';
  if (lowerBound > -margin) return told('passed', numbers + note, missing);
  if (!advisory && cases < fewest) return told('inconclusive', short, missing);
  return told('failed', numbers + note, missing);
}

/** Paired superiority: the lower bound of candidate - champion is above `min`. */
export function decideImprovement(gate: Gate, { candidate, champion }: Pair): GateResult {
  const min = gate.min ?? 0;
  const cases = candidate.length;
  if (champion === null) return withoutChampion(gate, 'min', { cases, min });
  const { lowerBound, method, figures } = compare({ candidate, champion });
  const told = (outcome: GateOutcome, reason: string, more = {}): GateResult =>
    gateResult(gate, { kind: 'min', method, outcome, reason, figures: { ...figures, min, ...more } });
  if (lowerBound > min) {
    return told('passed', `${where(gate)}: better, ${describe(figures)}, lower bound ${lowerBound.toFixed(4)}.`);
  }
  const missing = fewestCasesToGain(min) - cases;
  if (missing > 0) {
    const reason = `${where(gate)}: ${cases} cases, ${missing} more are needed to show an improvement by ${min}.`;
    return told('inconclusive', reason, { missingCases: missing });
  }
  const reason = `${where(gate)}: no improvement by more than ${min} is shown, ${describe(figures)}, lower bound ${lowerBound.toFixed(4)}.`;
  return told('failed', reason);
}

/** A budget: the candidate's figure is at most `max`, and at most the champion's and `maxRise` of it. */
export function decideBudget(
  gate: Gate,
  kind: 'max' | 'maxRise',
  { candidate, champion }: { candidate: number | null; champion: number | null },
): GateResult {
  const method = 'point';
  if (kind === 'maxRise' && champion === null) return withoutChampion(gate, kind, { maxRise: gate.maxRise ?? 0 });
  if (candidate === null) {
    const outcome = gate.metric === 'size_mb' ? 'not_applicable' : 'inconclusive';
    return gateResult(gate, {
      kind,
      method,
      outcome,
      reason: `${where(gate)}: not known of this version.`,
      figures: {},
    });
  }
  const limit = kind === 'max' ? (gate.max ?? 0) : (champion ?? 0) * (1 + (gate.maxRise ?? 0));
  const outcome = candidate <= limit * (1 + 1e-9) ? 'passed' : 'failed';
  const before = champion === null ? {} : { champion };
  const reason = `${where(gate)}: ${readable(candidate)}, at most ${readable(limit)} allowed.`;
  return gateResult(gate, { kind, method, outcome, reason, figures: { candidate, limit, ...before } });
}

/** Case by case. A case counts as gained or lost however much its value differs. */
export function compare({ candidate, champion }: { candidate: readonly number[]; champion: readonly number[] }): {
  lowerBound: number;
  gained: number;
  lost: number;
  method: GateMethod;
  figures: Record<string, number>;
} {
  const cases = candidate.length;
  const differences = candidate.map((value, place) => value - (champion[place] ?? 0));
  const gained = differences.filter((difference) => difference > 0).length;
  const lost = differences.filter((difference) => difference < 0).length;
  const binary = [...candidate, ...champion].every((value) => value === 0 || value === 1);
  const lowerBound = binary ? pairedLowerBound(gained, lost, cases) : bootstrapLowerBound(differences);
  const figures = { cases, candidatePassed: sum(candidate), championPassed: sum(champion), gained, lost, lowerBound };
  return { lowerBound, gained, lost, method: binary ? 'tango' : 'bootstrap', figures };
}

/** The fewest cases that could show a gain of more than `min`, if the candidate gained every one of them. */
function fewestCasesToGain(min: number): number {
  let cases = 1;
  while (cases < 1e6 && pairedLowerBound(cases, 0, cases) <= min) cases += 1;
  return cases;
}

function withoutChampion(gate: Gate, kind: GateResult['kind'], figures: Record<string, number>): GateResult {
  const reason = `${where(gate)}: there is no figure of a champion to compare with.`;
  return gateResult(gate, { kind, method: 'point', outcome: 'not_applicable', reason, figures });
}

export function gateResult(
  { metric, slice, required }: Gate,
  decided: Pick<GateResult, 'kind' | 'method' | 'outcome' | 'reason' | 'figures'>,
): GateResult {
  return { metric, slice, required, ...decided, passed: decided.outcome === 'passed' };
}

/** How a reason names its gate: the metric is said when it is not the usual one. */
export function where({ metric, slice }: Pick<Gate, 'metric' | 'slice'>): string {
  return metric === 'pass_rate' ? `Slice ${slice}` : `Slice ${slice}, ${metric}`;
}

function describe(figures: Record<string, number>): string {
  return `${figures['gained']} cases gained, ${figures['lost']} lost of ${figures['cases']}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function readable(value: number): string {
  return String(Number(value.toFixed(2)));
}
