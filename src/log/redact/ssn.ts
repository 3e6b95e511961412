import { notAfterWord, notBeforeWord, type Span } from './span.ts';

// Never issued: area 000, 666 and 900-999, group 00, serial 0000 (Social Security Administration, POMS RM 10201.035).
const area = String.raw`(?!000|666|9)\d{3}`;
const group = String.raw`(?!00)\d{2}`;
const serial = String.raw`(?!0000)\d{4}`;

const separated = new RegExp(
  String.raw`${notAfterWord}(?<![-.\u2010-\u2015])${area}([- \u00a0\u2010-\u2015])${group}\1${serial}${notBeforeWord}(?![-.]\d)`,
  'gu',
);
/** Nine digits in a row are an order number as often as not, unless the text says what they are. */
const named = new RegExp(
  String.raw`\b(?:ssn|social security(?: (?:number|no\.?))?)\b[\s:#=]{0,3}(?:is )?(${area}${group}${serial})${notBeforeWord}`,
  'giu',
);

/** US social security numbers. */
export function findSsns(text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(separated)) {
    spans.push({ kind: 'SSN', start: match.index, end: match.index + match[0].length });
  }
  for (const match of text.matchAll(named)) {
    const end = match.index + match[0].length;
    spans.push({ kind: 'SSN', start: end - (match[1]?.length ?? 0), end });
  }
  return spans;
}
