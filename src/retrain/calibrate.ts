const lowConfidenceShare = 0.1;
/** Without rows to calibrate on: the answer is less likely than not. */
const uncalibrated = Math.log(0.5);

/** Natural log: an answer below it is of low confidence. The 10 % quantile of the confidence on gold set and eval pack. */
export function lowConfidenceBelow(logprobs: readonly number[]): number {
  const sorted = logprobs.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * lowConfidenceShare)] ?? uncalibrated;
}
