/** What a group of cases may lose before it counts as plainly lost, where the gate sets no margin. */
export const plainMargin = 0.1;

/** The chance of one false alarm or more, over all groups together. */
const falseAlarms = 0.05;

/** How many cases of a group only the champion passes, and only the candidate. */
export interface GroupCount {
  cases: number;
  lost: number;
  gained: number;
}

/**
 * The level of one group's test; null when not even a group that lost every case could be told. Groups with too few
 * cases to be told at all do not count (Tarone 1990, "A modified Bonferroni method for discrete data").
 */
export function levelFor(groups: readonly { cases: number }[], margin: number): number | null {
  for (let tests = 1; tests <= groups.length; tests += 1) {
    const telling = groups.filter(({ cases }) => isTelling(cases, margin, falseAlarms / tests)).length;
    if (telling === 0) return null;
    if (telling <= tests) return falseAlarms / tests;
  }
  return null;
}

/** Whether a group of so many cases could be told to be lost at all. */
export function isTelling(cases: number, margin: number, level: number): boolean {
  return margin ** cases <= level;
}

/**
 * The chance of so many lost cases, or more, if the group loses no more than the margin: an exact one-sided binomial
 * test of the lost cases, against the margin and what the group gained elsewhere.
 */
export function chanceOfLoss({ cases, lost, gained }: GroupCount, margin: number): number {
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
