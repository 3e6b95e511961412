/** The 95 % quantile of the standard normal distribution. */
export const z95 = 1.6448536269514722;

/**
 * One-sided lower 95 % bound of the difference of two pass rates, candidate - champion, on the same `cases`:
 * `gained` cases only the candidate passes, `lost` cases only the champion passes.
 *
 * Tango's score interval, "Equivalence test and confidence interval for the difference in proportions for the
 * paired-sample design", Statistics in Medicine 17 (1998): the smallest difference whose score test is not rejected.
 * Sound for few and for no discordant cases, where the plain normal interval has no width: the bound is then
 * -z^2 / (cases + z^2).
 */
export function pairedLowerBound(gained: number, lost: number, cases: number, z = z95): number {
  if (cases === 0) return -1;
  let low = -1;
  let high = (gained - lost) / cases;
  // The score falls from +infinity to 0 between -1 and the estimate; 60 halvings leave less than 1e-17.
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (score(gained, lost, cases, middle) > z) low = middle;
    else high = middle;
  }
  return high;
}

/** The fewest cases on which two versions that answer alike can pass a margin: fewer say nothing. */
export function fewestCasesFor(margin: number, z = z95): number {
  return margin >= 1 ? 1 : Math.floor((z * z * (1 - margin)) / margin) + 1;
}

/** Distance of the data from a true difference of `delta`, in standard errors at the constrained maximum likelihood. */
function score(gained: number, lost: number, cases: number, delta: number): number {
  const linear = (2 * cases - gained + lost) * delta - gained - lost;
  const constant = -lost * delta * (1 - delta);
  const lostShare = (Math.sqrt(Math.max(0, linear * linear - 8 * cases * constant)) - linear) / (4 * cases);
  const variance = cases * (2 * lostShare + delta * (1 - delta));
  const distance = gained - lost - cases * delta;
  return variance <= 0 ? Infinity : distance / Math.sqrt(variance);
}
