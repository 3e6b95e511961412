import { closes, joinedAfter, joinedBefore, opens } from './characters.ts';
import { luhn } from './checksum.ts';
import { groupEnd, groupSize, groupStart, type Scan } from './scan.ts';

/** Issuers' ranges by leading digits, with the lengths they issue, the usual one first. */
const issuers: readonly [RegExp, readonly number[]][] = [
  [/^3[47]/, [15]], // American Express
  [/^4/, [16, 19]], // Visa; its 13 digits are history, and many articles' numbers begin with 4
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]], // Mastercard
  [/^(?:6011|64[4-9]|65)/, [16, 19]], // Discover
  [/^35(?:2[89]|[3-8])/, [16, 19]], // JCB
  [/^3(?:0[0-5]|095|[689])/, [14, 16, 19]], // Diners Club
  [/^62/, [16, 17, 18, 19]], // UnionPay
  [/^(?:5018|5020|5038|5893|6304|6759|676[1-3])/, [16, 12, 13, 14, 15, 17, 18, 19]], // Maestro
  [/^220[0-4]/, [16]], // Mir
  [/^(?:60|81|82|508)/, [16]], // RuPay
  [/^(?:636|5067|4011)/, [16]], // InstaPayment, Elo
  [/^1/, [15]], // UATP
];
const longest = 19;
const shortest = 12;

/** End of the card number that starts with this digit group, or -1. */
export function cardAt(scan: Scan, first: number): number {
  const { text } = scan;
  const start = groupStart(scan, first);
  const size = groupSize(scan, first);
  if (size !== 4 && size !== 6 && size < shortest) return -1;
  if (!opens(text, start) || joinedBefore(text, start, scan.taken)) return -1;
  let digits = '';
  let found = -1;
  let rank = Infinity;
  for (let group = first; group < scan.groups && group < first + 8; group += 1) {
    const more = groupSize(scan, group);
    const end = groupEnd(scan, group);
    if (group > first && !separated(text, groupEnd(scan, group - 1), groupStart(scan, group))) break;
    if (digits.length + more > longest) break;
    digits += text.slice(groupStart(scan, group), end);
    if (digits.length < shortest || !isGrouped(group - first, size, more, digits.length)) continue;
    if (!closes(text, end) || joinedAfter(text, end)) continue;
    const place = issued(digits);
    if (place >= rank || !luhn(digits)) continue;
    rank = place;
    found = end;
  }
  return found;
}

/** 1234-567890123456 is no card: one group, or three and more of three digits and more; but 6 13 and 4 4 4 2 are. */
function isGrouped(before: number, first: number, last: number, total: number): boolean {
  if (before === 0) return true;
  if (first === 6) return before === 1 && last === 13;
  return before > 1 && (last >= 3 || (before === 3 && last === 2 && total === 14));
}

/** How usual this length is for the issuer of these digits: 0 for the usual one, Infinity for one it never issues. */
function issued(digits: string): number {
  let best = Infinity;
  for (const [range, lengths] of issuers) {
    if (!range.test(digits)) continue;
    const place = lengths.indexOf(digits.length);
    if (place !== -1 && place < best && !(digits.startsWith('1') && digits.length !== 15)) best = place;
  }
  return best;
}

/** One character parts the groups of a card, or a dash between spaces. */
function separated(text: string, from: number, to: number): boolean {
  const between = text.slice(from, to);
  return between.length <= 3 && /^(?:[ .\u2014-]| ?[-\u2014] ?| {2})$/.test(between);
}
