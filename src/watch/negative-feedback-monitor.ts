import { percent, unknownJudgement } from './judgement.ts';
import type { Judgement } from './judgement.ts';
import { shareFigures, testShares, type TrafficLook } from './share-test.ts';

/** Indicator 0 of the census of feedback: a user was unhappy with the answer. */
const negative = { index: 0 };

/**
 * Decides whether users are unhappy with more of the answers than after the deployment. The effect is the rise of the
 * share of answers with negative feedback, each user counted once an hour; see `testShares` for the test. A model that
 * nobody ever gave feedback on is unknown, not clean.
 */
export function judgeNegativeFeedback(look: TrafficLook & { everGiven: boolean }): Judgement {
  if (!look.everGiven) return unknownJudgement('Nobody has given feedback on this model yet.');
  const verdict = testShares(look, [negative]);
  if (!('told' in verdict)) return verdict;
  const { told, state, logStatistic } = verdict;
  return {
    state,
    effect: told.now - told.usual,
    reason: `Negative feedback on ${percent(told.now)} of the answers to ${look.block.units} users, ${percent(told.usual)} after deployment; evidence ${logStatistic.toFixed(1)} of ${look.logThreshold.toFixed(1)}.`,
    figures: shareFigures(look, verdict),
  };
}
