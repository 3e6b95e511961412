import { closes, joinedAfter, joinedBefore, opensOrIsNamed } from './characters.ts';
import { createCue } from './cue.ts';
import { groupEnd, groupSize, groupStart, type Scan } from './scan.ts';

const announced = createCue(
  String.raw`(?<![a-z])ssn|(?<![a-z])ss ?(?:#|no|num(?:ber)?)|s\.s\.n|social[ _-]?sec(?:urity)?|(?<![a-z])soc sec|social|taxpayer id(?:entification)?|社会保障|社会安全|社保`,
);
const between = /^(?: {0,2}[-\u2014] {0,2}| {1,2}|[./])$/;

/** End of the US social security number that starts with this digit group, or -1. */
export function ssnAt(scan: Scan, first: number): number {
  const { text } = scan;
  const start = groupStart(scan, first);
  const size = groupSize(scan, first);
  if (size === 9) {
    const end = groupEnd(scan, first);
    if (!opensOrIsNamed(text, start) || !closes(text, end) || !issued(text.slice(start, end))) return -1;
    return announced(text, start) ? end : -1;
  }
  if (size !== 3 || groupSize(scan, first + 1) !== 2 || groupSize(scan, first + 2) !== 4) return -1;
  const end = groupEnd(scan, first + 2);
  const one = text.slice(groupEnd(scan, first), groupStart(scan, first + 1));
  const two = text.slice(groupEnd(scan, first + 1), groupStart(scan, first + 2));
  if (!between.test(one) || !between.test(two) || !opensOrIsNamed(text, start) || !closes(text, end)) return -1;
  if (joinedAfter(text, end) || !issued(digitsOf(scan, first))) return -1;
  const usual = one === two && /[-\u2014 ]/.test(one) && !joinedBefore(text, start, scan.taken);
  return usual || announced(text, start) ? end : -1;
}

/** Never issued: area 000, 666 and 900-999, group 00, serial 0000 (Social Security Administration, POMS RM 10201.035). */
function issued(digits: string): boolean {
  return /^(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}$/.test(digits);
}

function digitsOf(scan: Scan, first: number): string {
  const { text } = scan;
  let digits = '';
  for (let group = first; group < first + 3; group += 1)
    digits += text.slice(groupStart(scan, group), groupEnd(scan, group));
  return digits;
}
