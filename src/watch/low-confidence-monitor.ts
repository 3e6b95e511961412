import { percent } from './judgement.ts';
import type { Judgement } from './judgement.ts';
import { shareFigures, testShares, type TrafficLook } from './share-test.ts';

/** Indicator 0 of the census: the answer's log-probability is below the version's threshold. */
const low = { index: 0 };

/**
 * Decides whether the share of low-confidence answers rose since deployment. The effect is the rise of the share, each
 * user counted once an hour; see `testShares` for the test.
 */
export function judgeLowConfidence(look: TrafficLook): Judgement {
  const verdict = testShares(look, [low]);
  if (!('told' in verdict)) return verdict;
  const { told, state, logStatistic } = verdict;
  return {
    state,
    effect: told.now - told.usual,
    reason: `Low confidence in ${percent(told.now)} of the answers to ${look.block.units} users, ${percent(told.usual)} after deployment; evidence ${logStatistic.toFixed(1)} of ${look.logThreshold.toFixed(1)}.`,
    figures: shareFigures(look, verdict),
  };
}
