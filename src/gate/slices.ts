import { wholePack } from './pack.ts';
import type { CaseResult } from './verdict.ts';

/**
 * Held-out corrections of incidents. They are slices of their own and not part of `all`: what a candidate gains there
 * must not pay for what it forgets elsewhere.
 */
export const learnedPrefix = 'learned/';
/** The held-out corrections of all incidents. */
const allLearned = 'learned';

/** Each completion of the pack that several cases want: the labels of a classifier. */
export const eachLabel = 'label/*';

/** Whether a slice is made of held-out corrections, which no pack file holds. */
export function isLearned(slice: string): boolean {
  return slice.startsWith(learnedPrefix) || slice === allLearned;
}

/** Whether a case of slice `own` belongs to the slice that a gate names. */
export function inSlice(own: string, slice: string): boolean {
  if (slice === wholePack) return !own.startsWith(learnedPrefix);
  if (slice === allLearned) return own.startsWith(learnedPrefix);
  return own === slice;
}

/** How a version did in one slice. */
export interface SliceResult {
  slice: string;
  cases: number;
  /** Repeats of one case count as their share. */
  passed: number;
  /** Cases that could not be judged. */
  unknown: number;
  /** Of the same cases; null without a champion. */
  championPassed: number | null;
}

/** The whole pack, then each slice of its own, in the order of the pack. */
export function summariseSlices(
  candidate: readonly CaseResult[],
  champion: readonly CaseResult[] | null,
): SliceResult[] {
  const names = new Set([wholePack, ...candidate.map(({ slice }) => slice)]);
  return [...names].map((slice) => {
    const own = candidate.filter((result) => inSlice(result.slice, slice));
    const before = champion?.filter((result) => inSlice(result.slice, slice));
    return {
      ...{ slice, cases: own.length, passed: countPassed(own) },
      unknown: own.filter(({ passed }) => passed === null).length,
      championPassed: before === undefined ? null : countPassed(before),
    };
  });
}

function countPassed(results: readonly CaseResult[]): number {
  return results.reduce((sum, { passed, rate }) => sum + (rate ?? (passed === true ? 1 : 0)), 0);
}
