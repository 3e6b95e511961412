/** What a pipeline's second output holds: probabilities, or scores of no scale (LinearSVC's distances). */
export type ScoreKind = 'probabilities' | 'scores';

/**
 * Natural log of the highest probability of a row. Scores go through a softmax (one score of two labels: a sigmoid), which
 * ranks answers by how sure they are and is not calibrated.
 */
export function logprobOf(row: Float32Array, kind: ScoreKind): number {
  const highest = Math.max(...row);
  if (kind === 'probabilities') return Math.min(0, Math.log(highest));
  if (row.length === 1) return -Math.log1p(Math.exp(-Math.abs(highest)));
  return -Math.log(row.reduce((sum, score) => sum + Math.exp(score - highest), 0));
}

/** Probabilities are between 0 and 1 and add up to 1 in every row. */
export function kindOfScores(scores: Float32Array, width: number): ScoreKind {
  for (let at = 0; at < scores.length; at += width) {
    const row = scores.subarray(at, at + width);
    const sum = row.reduce((total, score) => total + score, 0);
    if (Math.abs(sum - 1) > 1e-3 || row.some((score) => score < -1e-6 || score > 1 + 1e-6)) return 'scores';
  }
  return 'probabilities';
}
