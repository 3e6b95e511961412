import { closesOrIsFollowed, joinedAfter, joinedBefore, opensOrIsNamed } from './characters.ts';
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
/** Ranges that are history or seldom given out: such a number is a card's where the text speaks of one. */
const rareIssuers: readonly [RegExp, readonly number[]][] = [
  [/^4/, [13]], // Visa
  [/^(?:5[06-8]|6[37]|0604)/, [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro
  [/^35/, [16]], // JCB
  [/^2131/, [15]], // JCB
  [/^(?:2014|2149)/, [15]], // enRoute
];
/** Ranks behind every length of the usual issuers. */
const rare = 99;
const cardWord =
  /card|visa|master|amex|maestro|jcb|diners|credit|debit|charge|(?<![a-z])(?:cc|pan|pay)(?![a-z])|karte|carte|tarjeta|cart[aã]o|carta|カード|카드|卡/i;
const wordReach = 48;
const longest = 19;
const shortest = 12;

/** End of the card number that starts with this digit group, or -1. */
export function cardAt(scan: Scan, first: number): number {
  const { text } = scan;
  const start = groupStart(scan, first);
  const size = groupSize(scan, first);
  if (size !== 4 && size !== 6 && size < shortest) return -1;
  if (joinedBefore(text, start, scan.taken) || !(opensOrIsNamed(text, start) || isTrack(scan, first))) return -1;
  let digits = '';
  let found = -1;
  let rank = Infinity;
  for (let group = first; group < scan.groups && group < first + 8; group += 1) {
    const more = groupSize(scan, group);
    const end = groupEnd(scan, group);
    if (group > first && !separated(gapBefore(scan, group))) break;
    if (digits.length + more > longest) break;
    digits += text.slice(groupStart(scan, group), end);
    if (digits.length < shortest || !isGrouped(group - first, size, more, digits.length)) continue;
    if (!closesOrIsFollowed(text, end) || joinedAfter(text, end) || isColumn(scan, first, group)) continue;
    if (!luhn(digits)) continue;
    const place = issued(digits);
    if (place >= rank) continue;
    if (place === rare && !cardWord.test(text.slice(Math.max(0, start - wordReach), end + wordReach))) continue;
    rank = place;
    found = end;
  }
  return found;
}

/** 1234-567890123456 is no card: one group, or three and more of three digits and more; but 6 13 and 4 4 4 2 are. */
function isGrouped(before: number, first: number, last: number, total: number): boolean {
  if (before === 0) return true;
  if (first === 6) return before === 1 && last === 13;
  // 4 4 4 4 2 and 4 4 4 4 1 of Maestro, 4 4 4 1 of an old Visa.
  if (last < 3 && (total > 16 ? before === 4 : total === 13)) return first === 4;
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
  return best === Infinity && isIn(rareIssuers, digits) ? rare : best;
}

function isIn(ranges: typeof issuers, digits: string): boolean {
  return ranges.some(([range, lengths]) => lengths.includes(digits.length) && range.test(digits));
}

const column = /^(?:[\t_]| {0,2}\r?\n {0,2})$/;

/** What parts the groups of a card: one character, a dash between spaces, or the end of a line. */
function separated(gap: string): boolean {
  return gap.length <= longestGap && (/^(?:[ .\u2014-]| ?[-\u2014] ?| {2})$/.test(gap) || column.test(gap));
}

const longestGap = 6;

/** Tabs and ends of lines part numbers of a table, too: those of a card are all alike, and no more follow. */
function isColumn(scan: Scan, first: number, last: number): boolean {
  if (first === last) return false;
  const gap = gapBefore(scan, first + 1);
  for (let group = first + 2; group <= last; group += 1) {
    if (gapBefore(scan, group) !== gap && (column.test(gap) || column.test(gapBefore(scan, group)))) return true;
  }
  return column.test(gap) && (gapBefore(scan, first) === gap || gapBefore(scan, last + 1) === gap);
}

/** What stands before a digit group, from the one before it; "" before the first and behind the last. */
function gapBefore(scan: Scan, group: number): string {
  const to = groupStart(scan, group);
  const from = group > 0 ? groupEnd(scan, group - 1) : to;
  return to === -1 || to - from > longestGap ? '' : scan.text.slice(from, to);
}

/** The magnetic stripe: %B4111111111111111^NAME^ (ISO/IEC 7813). */
function isTrack(scan: Scan, group: number): boolean {
  const start = groupStart(scan, group);
  return scan.text.startsWith('%B', start - 2) && scan.text.charCodeAt(groupEnd(scan, group)) === 94;
}
