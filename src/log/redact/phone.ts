import { closes, isDigit, isGap, joinedAfter, joinedBefore, opens, opensOrIsNamed } from './characters.ts';
import { isInternational, isNational } from './phone-plans.ts';
import { longestGap, readRun, type Run } from './phone-run.ts';
import { alikeAfter, isDate, isPhoneShape, tooManyAlike } from './phone-shapes.ts';
import { announced, announcedBehind, digitsOfList, isOtherThing } from './phone-words.ts';
import { groupEnd, groupSize, groupStart, type Scan } from './scan.ts';
import type { Span } from './span.ts';

const extension = /^(?:,? ?(?:x|ext\.?|extension|durchwahl|доб\.?) ?:?|#)\d{1,6}/i;

/** What is dialled for "+": 00 in most countries, 011 in North America. */
const exitCode = /^(00|011) ?[1-9]/;

/** The fewest digits of a number, where a word announces it. */
const fewestDigits = 7;
/** The most, by ITU-T E.164. */
const mostDigits = 15;
/** The fewest where the words come behind the number. */
const fewestBehind = 9;
/** A doubtful number asks libphonenumber. A text that asks more often gets the rest by shape alone. */
const checksPerText = 20;

/** What is known of a text so far. */
export interface PhoneLooks {
  /** Questions to libphonenumber. */
  made: number;
  /** Groups up to here are inside of a row that is too long for a number, whichever of them it would start with. */
  alikeUntil: number;
}

/**
 * Looks for a phone number that starts with this digit group and adds its span. Returns the first group behind it, or
 * `first` when there is none.
 */
export function takePhone(scan: Scan, first: number, spans: Span[], looks: PhoneLooks): number {
  const { text } = scan;
  const size = groupSize(scan, first);
  const start = groupStart(scan, first);
  const plus = plusBefore(text, start);
  if (plus === -1 && size < fewestDigits && !goesOn(scan, first)) return first;
  if (plus === -1 && first < looks.alikeUntil && (size === 1 || text.charCodeAt(start) !== 48)) return first;
  const run = readRun(scan, first);
  if (run.total < fewestDigits) return first;
  const listed = plus === -1 ? digitsOfList(text, spans.at(-1), start) : 0;
  const after =
    plus === -1 ? nationalEnd(scan, run, looks, listed) : opens(text, plus) ? internationalEnd(scan, run, 0) : first;
  if (after === first) return first;
  let end = groupEnd(scan, after - 1);
  end += extension.exec(text.slice(end, end + 20))?.[0].length ?? 0;
  let from = plus === -1 ? start : plus;
  if (text.charCodeAt(from - 1) === 40 && text.slice(from, end).includes(')')) from -= 1;
  spans.push({ kind: 'PHONE', start: from, end });
  return after;
}

/** Whether another digit group is near enough to belong to the same number. */
function goesOn(scan: Scan, first: number): boolean {
  const next = groupStart(scan, first + 1);
  return next !== -1 && next - groupEnd(scan, first) <= longestGap && isGap(scan.text.charCodeAt(next - 1));
}

/** Where the "+" of "+44", "+ 44" or "+(44" stands, or -1. */
function plusBefore(text: string, start: number): number {
  if (text.charCodeAt(start - 1) === 43) return start - 1;
  const between = text.charCodeAt(start - 1);
  return (between === 32 || between === 40) && text.charCodeAt(start - 2) === 43 ? start - 2 : -1;
}

/** First group behind the longest international number of the run, without its first `skipped` digits; or the first. */
function internationalEnd(scan: Scan, run: Run, skipped: number): number {
  for (let count = run.sizes.length; count > 0; count -= 1) {
    const digits = run.digits(count, true).slice(skipped);
    if (digits.length < 8) return run.first;
    if (ends(scan, run.first + count - 1) && isInternational(digits)) return run.first + count;
  }
  return run.first;
}

function nationalEnd(scan: Scan, run: Run, looks: PhoneLooks, listed: number): number {
  const { text } = scan;
  const { first } = run;
  const start = groupStart(scan, first);
  const before = text.charCodeAt(start - 1);
  // "=" and "/" are fine: addresses of pages hold numbers. Money is not.
  if (!opensOrIsNamed(text, start) || before === 36 || before === 163 || before === 8364) return first;
  // A cue is never before another number's end.
  const isAnnounced =
    listed > 0 || (!isDigit(lastBefore(text, start)) && announced(text, before === 40 ? start - 1 : start));
  if (!isAnnounced && joinedBefore(text, start, scan.taken)) return first;
  const prefix = exitCode.exec(text.slice(start, start + 5))?.[1]?.length;
  if (prefix !== undefined) {
    const after = internationalEnd(scan, run, prefix);
    if (
      after > first + 1 ||
      (after > first && (isAnnounced || affordable(looks, `+${run.digits(1, false).slice(prefix)}`)))
    )
      return after;
  }
  const isPart = tooManyAlike(run);
  if (isPart) looks.alikeUntil = first + alikeAfter(run);
  for (let count = isPart ? 0 : run.sizes.length; count > 0; count -= 1) {
    if (!ends(scan, first + count - 1)) continue;
    const verdict = isPhoneShape(text, start, run, count);
    if (verdict !== 'no' && !isAnnounced && isOtherThing(text, start, verdict === 'yes')) return first;
    if (verdict === 'yes') return first + count;
    if (verdict === 'maybe' && affordable(looks, run.digits(count, false))) return first + count;
  }
  // Without a shape of its own, a number on a list has as many digits as the one before it.
  if (listed > 0) return announcedEnd(scan, run, listed, listed);
  if (isAnnounced) return announcedEnd(scan, run, fewestDigits, mostDigits);
  const isAnnouncedLater =
    run.total >= fewestBehind &&
    announcedBehind(text, groupEnd(scan, first + run.sizes.length - 1)) &&
    !isOtherThing(text, start, false);
  return isAnnouncedLater ? announcedEnd(scan, run, fewestDigits, mostDigits) : first;
}

/** The nearest character before a number that is no gap. */
function lastBefore(text: string, start: number): number {
  let at = start - 1;
  while (at >= start - 3 && isGap(text.charCodeAt(at))) at -= 1;
  return text.charCodeAt(at);
}

function announcedEnd(scan: Scan, run: Run, fewest: number, most: number): number {
  const { text } = scan;
  if (isDate(text.slice(groupStart(scan, run.first), groupStart(scan, run.first) + 11))) return run.first;
  for (let count = run.sizes.length; count > 0; count -= 1) {
    const digits = run.digits(count, false).length;
    if (digits >= fewest && digits <= most && ends(scan, run.first + count - 1)) return run.first + count;
  }
  return run.first;
}

function affordable(looks: PhoneLooks, digits: string): boolean {
  looks.made += 1;
  return looks.made > checksPerText || isNational(digits);
}

/** Whether a number may stop behind this group. */
function ends(scan: Scan, group: number): boolean {
  const { text } = scan;
  const end = groupEnd(scan, group);
  if (!closes(text, end)) return extension.test(text.slice(end, end + 20));
  return !joinedAfter(text, end);
}
