/** A stretch of text that is personal data: UTF-16 units, end exclusive, and the kind that replaces it. */
export interface Span {
  kind: string;
  start: number;
  end: number;
}

/**
 * Lookarounds for "not in the middle of a word". A mark such as [PHONE] counts as part of a word, because the text it
 * replaced did: that keeps a second redaction from finding what the first one left.
 */
export const notAfterWord = String.raw`(?<![\p{L}\p{N}_]|\[[A-Z]{3,9}\])`;
export const notBeforeWord = String.raw`(?![\p{L}\p{N}_]|\[[A-Z]{3,9}\])`;

/** Spans in order, those that touch the same text joined under the kind of the first in `spans`. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const ranked = spans.map((span, rank) => ({ ...span, rank })).sort((a, b) => a.start - b.start || a.rank - b.rank);
  const joined: typeof ranked = [];
  for (const span of ranked) {
    const last = joined.at(-1);
    if (last === undefined || span.start >= last.end) {
      joined.push(span);
      continue;
    }
    last.end = Math.max(last.end, span.end);
    if (span.rank < last.rank) [last.kind, last.rank] = [span.kind, span.rank];
  }
  return joined.map(({ kind, start, end }) => ({ kind, start, end }));
}
