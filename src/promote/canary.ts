import { pairedLowerBound } from '../gate/paired.ts';
import { percent } from '../watch/judgement.ts';

/** What one version did during a rollout. A user's requests are not independent: they are counted together. */
export interface ArmCount {
  rows: number;
  /** Users, and requests without one. */
  users: number;
  /** Rows with the fault that is looked for. */
  hits: number;
  /** Sum over users of (hits - share of hits * rows) squared. */
  spread: number;
}

export interface Arms {
  champion: ArmCount;
  challenger: ArmCount;
}

export interface CanaryInput {
  /** The share of the traffic the challenger should have answered since `rows` are counted. */
  share: number;
  /** All rows of both. */
  rows: { champion: number; challenger: number };
  lowConfidence: Arms;
  negative: Arms;
  maxLowConfidenceIncrease: number;
  maxNegativeIncrease: number;
  /** Gold cases that only the challenger, and only the champion passed; null without a gold set. */
  gold: { gained: number; lost: number; cases: number } | null;
  maxGoldDrop: number;
}

export interface CanaryVerdict {
  /** `unknown`: nothing says worse, and not everything could be judged. */
  state: 'worse' | 'fine' | 'unknown';
  reason: string;
}

/**
 * Standard errors beyond the margin that take a challenger back: 2.3 in 10,000 by chance. Ten looks of three monitors at
 * a challenger that is worse by the whole margin take it back needlessly in less than 1 % of rollouts.
 */
const z = 3.5;
const fewestUsers = 20;
/** A challenger that should have answered so many requests and answered none does not serve. */
const silentAfter = 20;

/**
 * Whether a challenger does worse than the champion in the same hours: more answers of low confidence, more complaints, or
 * gold cases that only the champion passes. Shares are compared by a one-sided z test against the margin; its variance
 * comes from the users (the ratio estimator of cluster sampling, Cochran 1977, section 9A), since a rollout is sticky by
 * user and one user's requests are alike.
 */
export function judgeCanary(input: CanaryInput): CanaryVerdict {
  const { share, rows, gold, maxGoldDrop } = input;
  const expected = (rows.champion + rows.challenger) * share;
  if (rows.challenger === 0 && expected >= silentAfter) {
    return {
      state: 'worse',
      reason: `it answered none of about ${Math.round(expected)} requests that were its share`,
    };
  }
  const monitors = [
    compareShares('low confidence', input.lowConfidence, input.maxLowConfidenceIncrease),
    compareShares('complaints', input.negative, input.maxNegativeIncrease),
    ...(gold === null ? [] : [compareGold(gold, maxGoldDrop)]),
  ];
  const worse = monitors.filter(({ state }) => state === 'worse');
  const told = worse.length > 0 ? worse : monitors;
  const state = (['worse', 'unknown', 'fine'] as const).find((word) => told.some((monitor) => monitor.state === word));
  return { state: state ?? 'unknown', reason: told.map(({ reason }) => reason).join('; ') };
}

function compareShares(name: string, { champion, challenger }: Arms, margin: number): CanaryVerdict {
  const before = shareOf(champion);
  const after = shareOf(challenger);
  const reason = `${name} ${percent(after)} of ${challenger.rows}, champion ${percent(before)} of ${champion.rows}`;
  if (Math.min(champion.users, challenger.users) < fewestUsers) return { state: 'unknown', reason };
  const error = Math.sqrt(varianceOf(champion) + varianceOf(challenger));
  return { state: after - before - margin > z * error ? 'worse' : 'fine', reason };
}

function compareGold({ gained, lost, cases }: { gained: number; lost: number; cases: number }, margin: number) {
  const atBest = -pairedLowerBound(lost, gained, cases, z);
  const reason = `gold set: ${lost} cases only the champion passes, ${gained} only the challenger, of ${cases}`;
  return { state: cases > 0 && atBest < -margin ? ('worse' as const) : ('fine' as const), reason };
}

function shareOf({ hits, rows }: ArmCount): number {
  return rows === 0 ? 0 : hits / rows;
}

/** The larger of the variance between users and that of independent rows, with half a hit more: no hits are no proof. */
function varianceOf({ hits, rows, users, spread }: ArmCount): number {
  const smoothed = (hits + 0.5) / (rows + 1);
  const between = ((users / (users - 1)) * spread) / rows ** 2;
  return Math.max(between, (smoothed * (1 - smoothed)) / rows);
}
