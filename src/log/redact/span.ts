/** A stretch of text that is personal data: UTF-16 units, end exclusive, and the kind that replaces it. */
export interface Span {
  kind: string;
  start: number;
  end: number;
}

/** Where two kinds meet, the first one here names the whole. */
const ranks = ['SECRET', 'EMAIL', 'GOV_ID', 'CREDIT_CARD', 'IBAN', 'SSN', 'IP', 'PHONE', 'ADDRESS'];

/** Spans in order, those that touch the same text joined under the kind of the higher rank. */
export function joinSpans(spans: Span[]): Span[] {
  if (spans.length < 2) return spans;
  spans.sort((a, b) => a.start - b.start);
  const joined: Span[] = [];
  let last: Span | undefined;
  for (const span of spans) {
    if (last === undefined || span.start >= last.end) {
      last = { ...span };
      joined.push(last);
      continue;
    }
    last.end = Math.max(last.end, span.end);
    if (rank(span) < rank(last)) last.kind = span.kind;
  }
  return joined;
}

function rank({ kind }: Span): number {
  const place = ranks.indexOf(kind);
  return place === -1 ? ranks.length : place;
}
