/**
 * The test behind every monitor. Units (cases of a gold set, users) score in [0, 1], 1 being bad; healthy means that
 * their mean is at most `healthyShare`. The evidence of a look is the log of a likelihood ratio: Bernoulli(alternative)
 * against Bernoulli(healthyShare), mixed over the alternatives with equal weight.
 *
 * It is an e-value: for independent units of unequal means, repeats averaged, the mean of the ratio under health is at
 * most 1, because the ratio is convex in each score (so a score in [0, 1] is dominated by a coin of its mean), grows
 * with the scores, and unequal coins are dominated by equal ones (Hoeffding 1956).
 */
export function logEvidence(bad: number, units: number, healthyShare: number, alternatives: readonly number[]): number {
  const good = units - bad;
  let largest = -Infinity;
  const logs = alternatives.map((share) => {
    const log = bad * Math.log(share / healthyShare) + good * (Math.log1p(-share) - Math.log1p(-healthyShare));
    if (log > largest) largest = log;
    return log;
  });
  let sum = 0;
  for (const log of logs) sum += Math.exp(log - largest);
  return largest + Math.log(sum / logs.length);
}

/**
 * One step of the Shiryaev-Roberts e-detector, R = (1 + R) * e, in logs (Shin, Ramdas, Rinaldo 2023). Healthy, it takes
 * at least T steps on average until R reaches T, whenever one looks. R is capped at T: the promise holds for less, and a
 * long incident leaves no debt that outlasts its cure.
 */
export function advance(previous: number | undefined, evidence: number, logThreshold: number): number {
  return Math.min((previous === undefined ? 0 : softPlus(previous)) + evidence, logThreshold);
}

/** Log of T: with it, monitors that open incidents raise less than one false alarm a year together. */
export function logThresholdFor(looksPerYear: number, monitors: number): number {
  return Math.log(looksPerYear * Math.max(1, monitors));
}

/** log(1 + exp(x)) without overflow. */
function softPlus(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/** The 95 % quantile of the standard normal distribution. */
const z95 = 1.6448536269514722;

/** One-sided upper 95 % bound of a share seen in `trials` trials. Wilson, "Probable inference", JASA 22 (1927). */
export function upperBound(share: number, trials: number): number {
  const z2 = z95 * z95;
  const centre = share + z2 / (2 * trials);
  const spread = z95 * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  return (centre + spread) / (1 + z2 / trials);
}
