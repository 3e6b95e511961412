import { isPossiblePhoneNumber, isValidPhoneNumber, type CountryCode } from 'libphonenumber-js/max';
import { notAfterWord, notBeforeWord, type Span } from './span.ts';

const gap = String.raw`[ \u00a0.()/\u2010-\u2015-]`;
const extension = String.raw`(?: ?(?:x|ext\.?|extension) ?\d{1,6})?`;

/** Without seven digits close together there is no number to look for: most texts end here. */
const anyNumber = new RegExp(String.raw`\d(?:${gap}{0,3}\d){6}`);

/** +44 20 7946 0958, 0033 1 23 45 67 89: up to 15 digits (ITU-T E.164). */
const international = new RegExp(
  String.raw`${notAfterWord}(?<![+$€£])(?:\+ ?|(?<![-.,/\u2010-\u2015])00${gap}?)\(?[1-9](?:${gap}{0,3}\d){6,14}(?!\d)${extension}${notBeforeWord}`,
  'gu',
);
/** (415) 555-2671, 1-415-555-2671: the shape alone says so. */
const northAmerican = new RegExp(
  String.raw`${notAfterWord}(?<![-.$€£])(?:1[ .-])?(?:\([2-9]\d\d\)[ \u00a0-]?|[2-9]\d\d[-.\u2010-\u2015])` +
    String.raw`[2-9]\d\d[-. \u2010-\u2015]\d{4}${extension}${notBeforeWord}(?![-.]\d)`,
  'gu',
);
const northAmericanSpaced = new RegExp(
  String.raw`${notAfterWord}(?<![-.,$€£/])[2-9]\d\d ?/? ?[2-9]\d\d[ -]\d{4}${notBeforeWord}(?![-.]\d)`,
  'gu',
);
/** 020 7946 0958, (030) 123456, 01 23 45 67 89: a trunk prefix and at least one gap; never a date. */
const trunk = new RegExp(
  String.raw`${notAfterWord}(?<![-.,/=$€£])(?!\d\d?([./-])\d\d?\1\d{4}(?!\d))\(?0\d{1,4}(?:${gap}{1,2}\d{2,8}){1,5}${notBeforeWord}(?![-.]\d)`,
  'gu',
);
/** Any seven to fifteen digits after a word that announces them. */
const announced = new RegExp(
  String.raw`\b(?:phone|telephone|tel|mobile|mob|cell|cellphone|fax|whatsapp|sms|call|dial|ring|telefon|tél|telefono|handy)\b` +
    String.raw`(?:\.| (?:me|us|him|her|them|at|on|no|nr|number|is|back|now|anytime)\b){0,4}[ :.#=\u00a0]{0,4}` +
    String.raw`(\(?\d(?:${gap}{0,3}\d){6,14})(?!\d)${notBeforeWord}`,
  'giu',
);

/** Countries whose numbers are written with a trunk 0, by how often their writers meet an English model. */
const trunkCountries: readonly CountryCode[] = ['GB', 'DE', 'FR', 'AU', 'IN', 'IT', 'NL', 'BE', 'CH', 'AT', 'SE', 'JP'];

/** A check costs some 20 microseconds. A text that asks for more than this many gets the rest by shape alone. */
const checksPerText = 200;

/** Phone numbers. Shapes that say so by themselves are taken; doubtful ones must be numbers of their country's plan. */
export function findPhones(text: string): Span[] {
  if (!anyNumber.test(text)) return [];
  const spans: Span[] = [];
  let checks = 0;
  const affordable = (check: () => boolean): boolean => ++checks > checksPerText || check();
  const take = (start: number, length: number): number => spans.push({ kind: 'PHONE', start, end: start + length });

  for (const { 0: number, index } of text.matchAll(northAmerican)) take(index, number.length);
  for (const match of text.matchAll(announced)) {
    const number = match[1] ?? '';
    if (!isDate(number)) take(match.index + match[0].length - number.length, number.length);
  }
  for (const { 0: number, index } of text.matchAll(northAmericanSpaced)) {
    if (affordable(() => isValidPhoneNumber(number, 'US'))) take(index, number.length);
  }
  for (const { 0: number, index } of text.matchAll(international)) {
    const check = (part: string) => affordable(() => isPossiblePhoneNumber(part.replace(/^00/, '+')));
    take(index, longest(number, check));
  }
  for (const { 0: number, index } of text.matchAll(trunk)) {
    const check = (part: string) =>
      affordable(() => trunkCountries.some((country) => isValidPhoneNumber(part, country)));
    take(index, longest(number, check));
  }
  return spans.filter(({ start, end }) => end > start);
}

// Groups joined by "-" or "." alone belong together.
const lastGroup = new RegExp(String.raw`${gap}{0,2}[ \u00a0()/]${gap}{0,2}\d+$`);

/** Length of the longest number that `isNumber` takes, leaving off groups at the end; 0 when there is none. */
function longest(candidate: string, isNumber: (part: string) => boolean): number {
  let part = candidate;
  while (digitCount(part) >= 8) {
    if (isNumber(part)) return part.length;
    const shorter = part.replace(lastGroup, '');
    if (shorter === part) return 0;
    part = shorter;
  }
  return 0;
}

function digitCount(text: string): number {
  return text.replace(/\D/g, '').length;
}

function isDate(text: string): boolean {
  return /^(?:\d{4}([-./]?)\d\d\1\d\d|\d\d?([./-])\d\d?\2\d{4})(?!\d)/.test(text);
}
