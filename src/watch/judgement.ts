/** What one look of a monitor says. `unknown` and `down` are never `clean`: missing data is not health. */
export type MonitorState = 'clean' | 'drift' | 'unknown' | 'down';

export const monitorNames = ['gold_set', 'low_confidence', 'confidence', 'negative_feedback'] as const;
export type MonitorName = (typeof monitorNames)[number];

export interface Judgement {
  state: MonitorState;
  /** How much worse than the reference, in shares (0.05 is five points); null when nothing could be compared. */
  effect: number | null;
  /** One sentence for the person who reads it, without a user's text. */
  reason: string;
  /** The numbers behind the reason, as stored with the verdict. */
  figures: Record<string, number | string>;
}

/** A judgement of what could not be compared. What a monitor carries from look to look is kept in `figures`. */
export function unknownJudgement(reason: string, figures: Judgement['figures'] = {}): Judgement {
  return { state: 'unknown', effect: null, reason, figures };
}

/** Looks of a monitor in a year when it looks every `everySeconds`. */
export function looksPerYear(everySeconds: number): number {
  return (365 * 24 * 3600) / everySeconds;
}

/** A share as people read it: 0.123 is "12.3 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
