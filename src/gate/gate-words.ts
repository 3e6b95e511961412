import type { GateOutcome, GateResult } from './decide-gate.ts';
import { pairedLowerBound } from './paired.ts';
import { eachLabel } from './slices.ts';

/** One gate in plain words. */
export interface GateWords {
  slice: string;
  outcome: GateOutcome;
  required: boolean;
  says: string;
  /** It compared the version with a champion. */
  compares: boolean;
  /** Cases that it lacked. */
  missingCases?: number;
}

/** What a gate asked and found, in a sentence or two. `champion` names the version it was compared with. */
export function gateWords(gate: GateResult, champion: string | null): GateWords {
  const { slice, outcome, required, figures, kind } = gate;
  const missing = figures['missingCases'];
  return {
    ...{ slice, outcome, required },
    says: [describe(gate, champion ?? 'the champion'), adviceOf(gate)].filter(Boolean).join(' '),
    compares: kind === 'maxDrop' && figures['lowerBound'] !== undefined,
    ...(missing === undefined ? {} : { missingCases: missing }),
  };
}

function describe(gate: GateResult, champion: string): string {
  if (gate.outcome === 'not_applicable') return notAsked(gate);
  if (gate.slice === eachLabel) return labelWords(gate);
  if (gate.method === 'binomial') return forgottenWords(gate, champion);
  if (gate.kind === 'max' || gate.kind === 'maxRise') return budgetWords(gate);
  const short = shortfallWords(gate);
  if (short !== null) return short;
  if (gate.metric === 'improvement') return improvementWords(gate, champion);
  return gate.kind === 'min' ? minimumWords(gate, champion) : comparisonWords(gate, champion);
}

function notAsked(gate: GateResult): string {
  const what =
    gate.metric === 'size_mb' ? 'Its size' : gate.metric === 'latency_p95_ms' ? 'Its time' : place(gate.slice);
  return `${what}: not asked, as there was nothing to compare with.`;
}

/** Why an undecided gate is undecided; null for one that was decided. */
function shortfallWords({ outcome, slice, kind, metric, figures }: GateResult): string | null {
  if (outcome !== 'inconclusive') return null;
  const { cases = 0, missingCases, unknownCases = 0 } = figures;
  if (missingCases === undefined) {
    return `${place(slice)}, ${count(unknownCases, 'answer')} could not be judged, and they decide. Check evals.judge and evals.embeddings.`;
  }
  const aim =
    metric === 'improvement'
      ? `show a gain of more than ${points(figures['min'])} points`
      : kind === 'min'
        ? `show ${percent(figures['min'] ?? 0)}`
        : `rule out a loss of ${points(figures['maxDrop'])} points`;
  return `${place(slice)}, ${cases} cases are too few: ${count(missingCases, 'more case')} ${missingCases === 1 ? 'is' : 'are'} needed to ${aim}.`;
}

function comparisonWords({ slice, metric, method, outcome, figures }: GateResult, champion: string): string {
  const { cases = 0, candidatePassed = 0, championPassed = 0, lowerBound = -1, maxDrop } = figures;
  const told = `${place(slice)} it ${achieves(metric, candidatePassed, cases)}, ${champion} ${percent(championPassed / cases)}`;
  const upper = method === 'tango' ? upperBound(figures) : null;
  const difference =
    upper === null
      ? `difference at least ${signed(lowerBound)} points`
      : `difference between ${signed(lowerBound)} and ${signed(upper)} points`;
  const margin = `${points(maxDrop)} points`;
  if (outcome !== 'failed') return `${told}; ${difference}, margin ${margin}.`;
  return `${told}; ${difference}: it may lose more than the margin of ${margin}.`;
}

function minimumWords({ slice, metric, outcome, figures }: GateResult, champion: string): string {
  const { cases = 0, candidatePassed = 0, championPassed, min = 0 } = figures;
  const told = `${place(slice)} it ${achieves(metric, candidatePassed, cases)}, wanted ${percent(min)}`;
  if (outcome !== 'excused' || championPassed === undefined) return `${told}.`;
  return `${told}; ${champion} has ${percent(championPassed / cases)} only, so it stands.`;
}

function improvementWords({ slice, outcome, figures }: GateResult, champion: string): string {
  const { cases = 0, gained = 0, lost = 0, lowerBound = -1, min = 0 } = figures;
  const counted = `${count(gained, 'case')} gained, ${lost} lost of ${cases}`;
  if (outcome === 'passed') {
    return `${place(slice)} it is better than ${champion} by at least ${points(lowerBound)} points: ${counted}.`;
  }
  const wanted = min > 0 ? ` of more than ${points(min)} points` : '';
  return `${place(slice)} no gain over ${champion}${wanted} is beyond doubt: ${counted}.`;
}

/** The completion that lost most is named in the reason only. */
function labelWords({ outcome, reason, figures }: GateResult): string {
  const { tested = 0, worse = 0, maxDrop, cases = 0, lost = 0, gained = 0 } = figures;
  const margin = `${points(maxDrop)} points`;
  if (outcome === 'passed') return `None of ${count(tested, 'answer')} lost more than ${margin} beyond doubt.`;
  const name = /^Completion (.*): \d+ cases lost/.exec(reason)?.[1];
  const others = worse > 1 ? `, and ${count(worse - 1, 'other answer')} as well` : '';
  return `The answer ${name === undefined ? 'that fell most' : `“${name}”`} lost ${lost} and gained ${gained} of its ${cases} cases, more than the margin of ${margin}${others}. Are its corrections right?`;
}

/** Of held-out corrections too few for a comparison. */
function forgottenWords({ slice, metric, figures }: GateResult, champion: string): string {
  const { cases = 0, candidatePassed = 0, championPassed = 0, lost = 0, gained = 0, maxDrop } = figures;
  const told = `${place(slice)} it ${achieves(metric, candidatePassed, cases)}, ${champion} ${percent(championPassed / cases)}`;
  return `${told}: it has forgotten ${lost} of ${count(cases, 'case')} and learned ${gained}, more than ${points(maxDrop)} points lost beyond doubt.`;
}

function budgetWords({ metric, outcome, figures }: GateResult): string {
  const { candidate, limit = 0 } = figures;
  const [what, unit] = metric === 'size_mb' ? ['Its file has', 'MB'] : ['95 % of its answers come within', 'ms'];
  if (candidate === undefined) return `${metric === 'size_mb' ? 'Its size' : 'Its time'} is not known.`;
  return `${what} ${readable(candidate)} ${unit}, ${outcome === 'failed' ? 'more than the' : 'at most'} ${readable(limit)} allowed.`;
}

/** What an advisory gate with too few cases leaves open. */
function adviceOf({ required, outcome, figures }: GateResult): string {
  const missing = figures['missingCases'];
  if (required || missing === undefined || outcome === 'inconclusive') return '';
  return `Advisory: ${count(missing, 'more case')} would make it count.`;
}

function place(slice: string): string {
  if (slice === 'all') return 'On the whole eval pack';
  if (slice === 'learned') return 'On what was held out of all incidents';
  if (slice.startsWith('learned/')) return `On what was held out of incident ${slice.slice('learned/'.length)}`;
  return `On ${slice}`;
}

function achieves(metric: GateResult['metric'], passed: number, cases: number): string {
  return metric === 'score' ? `scores ${percent(passed / cases)}` : `answers ${percent(passed / cases)} right`;
}

/** The one-sided upper 95 % bound, by the test that gave the lower one; null where its cases are not told. */
function upperBound({ gained, lost, cases }: Record<string, number>): number | null {
  if (gained === undefined || lost === undefined || cases === undefined) return null;
  return -pairedLowerBound(lost, gained, cases);
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '–';
}

function points(share = 0): string {
  return String(Number((100 * share).toFixed(1))).replace('-', '−');
}

function signed(share: number): string {
  const text = (100 * share).toFixed(1);
  return Number(text) === 0 ? '0.0' : share > 0 ? `+${text}` : text.replace('-', '−');
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`;
}

function readable(value: number): string {
  return String(Number(value.toFixed(2)));
}
