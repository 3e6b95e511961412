import { createRandom } from '../retrain/embedded/random.ts';
import { z95 } from './paired.ts';

/** Enough that the 5 % quantile moves by less than a tenth of its own distance when the seed changes. */
const resamples = 10_000;
/** Draws of one bound: larger slices have smoother means and make do with fewer resamples. */
const mostDraws = 2e7;

/**
 * One-sided lower 95 % bound of the mean of paired differences, candidate - champion, each between -1 and 1, for scores
 * that are not pass or fail. Percentile bootstrap (Efron 1979) over cases, seeded: asked twice, it answers the same.
 *
 * A resample of equal differences has no width, however few they are, so the bound is never nearer to the mean than
 * z^2 / (cases + z^2): the bound of Tango's interval without a discordant case.
 */
export function bootstrapLowerBound(differences: readonly number[], seed = 1): number {
  const cases = differences.length;
  if (cases === 0) return -1;
  const values = Float64Array.from(differences);
  const random = createRandom(seed);
  const rounds = Math.max(1000, Math.min(resamples, Math.floor(mostDraws / cases)));
  const means = new Float64Array(rounds);
  for (let round = 0; round < rounds; round += 1) {
    let sum = 0;
    for (let draw = 0; draw < cases; draw += 1) sum += values[Math.floor(random() * cases)] ?? 0;
    means[round] = sum / cases;
  }
  means.sort();
  const mean = values.reduce((sum, value) => sum + value, 0) / cases;
  const quantile = means[Math.floor(0.05 * (rounds - 1))] ?? -1;
  const floor = (z95 * z95) / (cases + z95 * z95);
  return Math.max(-1, Math.min(quantile, mean - floor));
}
