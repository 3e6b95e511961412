import type { Indicator } from './healthy-level.ts';
import { percent } from './judgement.ts';
import type { Judgement } from './judgement.ts';
import { shareFigures, testShares, type TrafficLook } from './share-test.ts';

/** Quantiles of the reference's log-probabilities at which the distributions are compared. */
export const comparedAt = [0.1, 0.25, 0.5, 0.75, 0.9] as const;

/** Indicators 1 to 5 of the census: the log-probability is below that quantile. More often, or less often. */
const indicators: Indicator[] = comparedAt.flatMap((_, place) => [
  { index: place + 1 },
  { index: place + 1, opposite: true },
]);

/**
 * Decides whether the distribution of log-probabilities moved since deployment, in either direction: a model that grew
 * sure of everything has changed as well. The effect is the largest distance of the two distribution functions at the
 * quantiles of `comparedAt` (the distance of Kolmogorov and Smirnov, on a grid); see `testShares` for the test.
 */
export function judgeConfidence(look: TrafficLook): Judgement {
  const verdict = testShares(look, indicators);
  if (!('told' in verdict)) return verdict;
  const { told, state, logStatistic } = verdict;
  const quantile = comparedAt[told.indicator.index - 1] ?? 0;
  const side = told.indicator.opposite === true ? 'above' : 'below';
  return {
    state,
    effect: told.now - told.usual,
    reason: `Log-probabilities ${side} the reference's ${quantile * 100} % quantile: ${percent(told.now)} of the answers to ${look.block.units} users, ${percent(told.usual)} after deployment; evidence ${logStatistic.toFixed(1)} of ${look.logThreshold.toFixed(1)}.`,
    figures: { ...shareFigures(look, verdict), quantile },
  };
}
