/** A quarter of an hour of a model. Shares are null where nothing was asked or looked at. */
export interface TrendPart {
  at: Date;
  requests: number;
  lowConfidence: number | null;
  negative: number | null;
  /** Pass rate of the gold set, as it was asked last. */
  gold: number | null;
  /** The lowest pass rate that counts as healthy to the drift test. */
  healthy: number | null;
  /** The drift test's statistic (a logarithm) as a share of what raises an alarm. */
  evidence: number | null;
}

export interface TrendSources {
  traffic: readonly { at: Date; requests: number; low_confidence: number; negative: number }[];
  gold: readonly { at: Date; rate: number | null }[];
  boundary: readonly { at: Date; healthy: number | null; evidence: number | null }[];
}

const partMs = 15 * 60_000;
const parts = 96;

/** The last day in parts, oldest first: quiet ones too, or a line would be drawn across a night without a request. */
export function mergeTrend(now: Date, { traffic, gold, boundary }: TrendSources): TrendPart[] {
  const last = Math.floor(now.getTime() / partMs) * partMs;
  const byTime = <Row extends { at: Date }>(rows: readonly Row[]) =>
    new Map(rows.map((row) => [row.at.getTime(), row]));
  const [sent, asked, judged] = [byTime(traffic), byTime(gold), byTime(boundary)];
  return Array.from({ length: parts }, (_, place) => {
    const time = last - (parts - 1 - place) * partMs;
    const requests = sent.get(time)?.requests ?? 0;
    const share = (count: number | undefined) => (requests === 0 ? null : (count ?? 0) / requests);
    return {
      ...{ at: new Date(time), requests },
      lowConfidence: share(sent.get(time)?.low_confidence),
      negative: share(sent.get(time)?.negative),
      gold: asked.get(time)?.rate ?? null,
      healthy: judged.get(time)?.healthy ?? null,
      evidence: judged.get(time)?.evidence ?? null,
    };
  });
}
