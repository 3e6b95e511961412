/** What one look of a monitor says. `unknown` and `down` are never `clean`: missing data is not health. */
export type MonitorState = 'clean' | 'drift' | 'unknown' | 'down';

export interface Judgement {
  state: MonitorState;
  /** How much worse than the reference, in shares (0.05 is five points); null when nothing could be compared. */
  effect: number | null;
  /** One sentence for the person who reads it, without a user's text. */
  reason: string;
  /** The numbers behind the reason, as stored with the verdict. */
  figures: Record<string, number>;
}

/** Monitors that open an incident. The false-alarm budget of one per model and year is shared among them. */
export const monitorsThatOpen = 2;

/** Looks of a monitor in a year when it looks every `everySeconds`. */
export function looksPerYear(everySeconds: number): number {
  return (365 * 24 * 3600) / everySeconds;
}

/** A share as people read it: 0.123 is "12.3 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
