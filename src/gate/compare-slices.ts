import { pairedLowerBound } from './paired.ts';
import { inSlice, summariseSlices } from './slices.ts';
import type { CaseResult } from './verdict.ts';

/** Two versions on one slice. Shares are between 0 and 1, differences candidate - champion. */
export interface SliceComparison {
  slice: string;
  cases: number;
  candidate: number;
  champion: number;
  difference: number;
  /** One-sided 95 % bounds; null where none is known, as above for scores between 0 and 1. */
  lower: number | null;
  upper: number | null;
  /** What the candidate may lose by the gate of this slice; null without one. */
  margin: number | null;
}

/** What a gate said of a slice: its margin, and for scores the lower bound it found. */
export interface AskedOfSlice {
  slice: string;
  margin: number;
  lowerBound?: number | undefined;
}

/**
 * The candidate beside the champion on the whole pack and on each of its slices. Where every case is passed or failed,
 * the interval is Tango's, by which gates decide; scores have the bound that their gate found. A case that could not be
 * judged counts against the candidate, as in the gates.
 */
export function compareSlices(
  candidate: readonly CaseResult[],
  champion: readonly CaseResult[],
  asked: readonly AskedOfSlice[],
): SliceComparison[] {
  const before = new Map(champion.map((result) => [result.case, result]));
  const pairs = candidate.flatMap((result) => {
    const other = before.get(result.case);
    return other === undefined ? [] : [{ slice: result.slice, own: valueOf(result, 0), other: valueOf(other, 1) }];
  });
  return summariseSlices(candidate, null).flatMap(({ slice }) => {
    const own = pairs.filter((pair) => inSlice(pair.slice, slice));
    if (own.length === 0) return [];
    const cases = own.length;
    const mean = (pick: (pair: (typeof own)[number]) => number) =>
      own.reduce((sum, pair) => sum + pick(pair), 0) / cases;
    const gate = asked.find((each) => each.slice === slice);
    return [
      {
        ...{ slice, cases, candidate: mean((pair) => pair.own), champion: mean((pair) => pair.other) },
        difference: mean((pair) => pair.own - pair.other),
        ...boundsOf(own, gate?.lowerBound ?? null),
        margin: gate?.margin ?? null,
      },
    ];
  });
}

function boundsOf(pairs: readonly { own: number; other: number }[], known: number | null) {
  const binary = pairs.every(({ own, other }) => Number.isInteger(own) && Number.isInteger(other));
  if (!binary) return { lower: known, upper: null };
  const gained = pairs.filter(({ own, other }) => own > other).length;
  const lost = pairs.filter(({ own, other }) => own < other).length;
  return {
    lower: pairedLowerBound(gained, lost, pairs.length),
    upper: -pairedLowerBound(lost, gained, pairs.length),
  };
}

function valueOf({ passed, rate }: CaseResult, unknown: number): number {
  if (passed === null) return unknown;
  return rate ?? (passed ? 1 : 0);
}
