import type { Gate } from '../config.ts';
import { fewestCasesFor, pairedLowerBound } from './paired.ts';
import { wholePack } from './pack.ts';

/** What one version did with one case of the eval pack. */
export interface CaseResult {
  case: string;
  slice: string;
  passed: boolean;
}

/**
 * `excused`: below an absolute gate that the champion fails too, and not worse than the champion. `inconclusive`: not
 * enough cases. `not_applicable`: a comparison without a champion.
 */
export type GateOutcome = 'passed' | 'excused' | 'failed' | 'inconclusive' | 'not_applicable';

export interface GateResult {
  metric: string;
  slice: string;
  kind: 'min' | 'maxDrop';
  /** False for an advisory gate: told, but never decisive. */
  required: boolean;
  outcome: GateOutcome;
  passed: boolean;
  reason: string;
  figures: Record<string, number>;
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
  /** A comparison without a margin of its own is advisory on a slice with fewer cases. */
  minimumCases?: number;
}

/**
 * Held-out corrections of incidents. They are slices of their own and not part of `all`: what a candidate gains there
 * must not pay for what it forgets elsewhere.
 */
const learnedPrefix = 'learned/';

/** The margin of a gate that sets neither `min` nor `maxDrop`. */
const defaultMargin = 0.025;

/**
 * Decides whether the candidate may replace the champion. Both have answered the same pack.
 *
 * - `min`, absolute: the share of passed cases reaches it. The loop refuses a candidate that fails what the champion
 *   passed; a floor the champion itself misses on this pack would block every repair, so a candidate at least as good
 *   as the champion is excused, and it is said. A slice with fewer cases than 1 / (1 - min), where a single failure
 *   decides, is inconclusive.
 * - `maxDrop`, paired non-inferiority: the lower 95 % bound of candidate - champion stays above -maxDrop. Where even two
 *   equal versions could not show that, for want of cases, a bound that fails is inconclusive.
 * - neither: `maxDrop` of 2.5 points, advisory on slices under `minimumCases`.
 *
 * All required gates must pass, so several of them need no correction. A failed one is a `fail`; without that, one
 * inconclusive one makes it `inconclusive`. Nothing required that was decided is never a pass.
 */
export function decideVerdict(input: VerdictInput): Decision {
  const { gates, champion, candidate, minimumCases = 300 } = input;
  const first = champion === null;
  const unpaired = champion === null ? 0 : countUnpaired(champion, candidate);
  if (unpaired > 0) {
    const reason = `${unpaired} cases were answered by one version only. Wanted both on the same pack.`;
    return { verdict: 'inconclusive', first, gates: [], reasons: [reason] };
  }
  const results = gates.flatMap((gate) => {
    const inSlice = ({ slice }: CaseResult): boolean =>
      gate.slice === wholePack ? !slice.startsWith(learnedPrefix) : slice === gate.slice;
    const pair = { candidate: candidate.filter(inSlice), champion: champion?.filter(inSlice) ?? null };
    const own: GateResult[] = [];
    if (gate.min !== undefined) own.push(decideMinimum(gate, gate.min, pair));
    if (gate.min === undefined || gate.maxDrop !== undefined) own.push(decideDrop(gate, pair, minimumCases));
    return own;
  });
  return { first, gates: results, ...combine(results) };
}

function combine(results: readonly GateResult[]): Pick<Decision, 'verdict' | 'reasons'> {
  const required = results.filter((result) => result.required);
  const withOutcome = (outcome: GateOutcome): string[] =>
    required.filter((result) => result.outcome === outcome).map(({ reason }) => reason);
  const failed = withOutcome('failed');
  const inconclusive = withOutcome('inconclusive');
  const excused = withOutcome('excused');
  if (failed.length > 0) return { verdict: 'fail', reasons: [...failed, ...inconclusive, ...excused] };
  if (inconclusive.length > 0) return { verdict: 'inconclusive', reasons: [...inconclusive, ...excused] };
  if (required.some(({ outcome }) => outcome === 'passed' || outcome === 'excused')) {
    return { verdict: 'pass', reasons: excused };
  }
  if (results.length === 0)
    return { verdict: 'fail', reasons: ['No gate is set: nothing was asked of the candidate.'] };
  if (required.length > 0) {
    const reason = 'Only comparisons are required, and there is no champion to compare with. Set a gate with `min`.';
    return { verdict: 'fail', reasons: [reason] };
  }
  const short = results.filter(({ figures }) => figures['missingCases'] !== undefined);
  if (short.length > 0) return { verdict: 'inconclusive', reasons: short.map(({ reason }) => reason) };
  return { verdict: 'fail', reasons: ['No gate is required: nothing was asked of the candidate.'] };
}

interface Pair {
  candidate: readonly CaseResult[];
  champion: readonly CaseResult[] | null;
}

function decideMinimum(gate: Gate, min: number, { candidate, champion }: Pair): GateResult {
  const cases = candidate.length;
  const passed = countPassed(candidate);
  const championPassed = champion === null ? null : countPassed(champion);
  const figures = { cases, candidatePassed: passed, min, ...(championPassed === null ? {} : { championPassed }) };
  const told = (outcome: GateOutcome, reason: string, more = {}): GateResult =>
    result(gate, 'min', gate.required, outcome, reason, { ...figures, ...more });
  const fewest = min >= 1 ? 1 : Math.ceil(1 / (1 - min) - 1e-9);
  if (cases < fewest) {
    const missing = fewest - cases;
    return told(
      'inconclusive',
      `Slice ${gate.slice}: ${cases} cases, ${missing} more are needed for a minimum of ${min}.`,
      {
        missingCases: missing,
      },
    );
  }
  const reached = (count: number): boolean => count >= min * cases - 1e-9;
  const rate = `${passed} of ${cases} cases pass, wanted ${min}`;
  if (reached(passed)) return told('passed', `Slice ${gate.slice}: ${rate}.`);
  if (championPassed !== null && !reached(championPassed) && passed >= championPassed) {
    return told('excused', `Slice ${gate.slice}: ${rate}; the champion passes ${championPassed}, so it stands.`);
  }
  return told('failed', `Slice ${gate.slice}: ${rate}.`);
}

function decideDrop(gate: Gate, { candidate, champion }: Pair, minimumCases: number): GateResult {
  const margin = gate.maxDrop ?? defaultMargin;
  const cases = candidate.length;
  if (champion === null) {
    const reason = `Slice ${gate.slice}: a first version has no champion to compare with.`;
    return result(gate, 'maxDrop', gate.required, 'not_applicable', reason, { cases, maxDrop: margin });
  }
  const before = new Map(champion.map(({ case: id, passed }) => [id, passed]));
  const gained = candidate.filter(({ case: id, passed }) => passed && before.get(id) === false).length;
  const lost = candidate.filter(({ case: id, passed }) => !passed && before.get(id) === true).length;
  const lowerBound = pairedLowerBound(gained, lost, cases);
  const figures = {
    cases,
    candidatePassed: countPassed(candidate),
    championPassed: countPassed(champion),
    gained,
    lost,
    lowerBound,
    maxDrop: margin,
  };
  const told = (required: boolean, outcome: GateOutcome, reason: string, more = {}): GateResult =>
    result(gate, 'maxDrop', required, outcome, reason, { ...figures, ...more });
  const fewest = fewestCasesFor(margin);
  const wanted = gate.maxDrop === undefined ? minimumCases : fewest;
  const short = `Slice ${gate.slice}: ${cases} cases, ${wanted - cases} more are needed for a margin of ${margin}.`;
  if (cases === 0) return told(gate.required, 'inconclusive', short, { missingCases: wanted });
  const advisory = gate.maxDrop === undefined && cases < minimumCases;
  const missing = cases < wanted ? { missingCases: wanted - cases } : {};
  const numbers = `Slice ${gate.slice}: ${gained} cases gained, ${lost} lost of ${cases}, lower bound ${lowerBound.toFixed(4)}, margin ${margin}`;
  const note = advisory ? `; advisory, ${minimumCases - cases} more cases are needed.` : '.';
  if (lowerBound > -margin) return told(gate.required && !advisory, 'passed', numbers + note, missing);
  if (!advisory && cases < fewest) return told(gate.required, 'inconclusive', short, missing);
  return told(gate.required && !advisory, 'failed', numbers + note, missing);
}

function result(
  { metric, slice }: Gate,
  kind: GateResult['kind'],
  required: boolean,
  outcome: GateOutcome,
  reason: string,
  figures: Record<string, number>,
): GateResult {
  return { metric, slice, kind, required, outcome, passed: outcome === 'passed', reason, figures };
}

function countPassed(results: readonly CaseResult[]): number {
  return results.filter(({ passed }) => passed).length;
}

function countUnpaired(champion: readonly CaseResult[], candidate: readonly CaseResult[]): number {
  const before = new Set(champion.map((result) => result.case));
  const after = new Set(candidate.map((result) => result.case));
  return [...before].filter((id) => !after.has(id)).length + [...after].filter((id) => !before.has(id)).length;
}
