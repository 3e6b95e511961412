import { isGap } from './characters.ts';
import { groupEnd, groupSize, groupStart, type Scan } from './scan.ts';

/** Digit groups that stand close enough to be one number. */
export interface Run {
  first: number;
  /** Digits in each group. */
  sizes: readonly number[];
  /** What stands between the groups. */
  gaps: readonly string[];
  /** Digits in all of them. */
  total: number;
  /** Digits in groups before these, parted from them as they are from each other. */
  alikeBefore(): number;
  /** The digits of the first `count` groups; `withoutTrunk` leaves off the "(0)" of +44 (0)20. */
  digits(count: number, withoutTrunk: boolean): string;
}

/** (415) - 555 */
export const longestGap = 4;
const mostGroups = 9;
/** Fifteen of ITU-T E.164, a prefix of two, and one to see that there are too many. */
const mostDigits = 18;

/** The run of digit groups that begins with this one. */
export function readRun(scan: Scan, first: number): Run {
  const { text } = scan;
  const sizes = [groupSize(scan, first)];
  const gaps: string[] = [];
  let total = sizes[0] ?? 0;
  for (let group = first + 1; group < scan.groups && sizes.length < mostGroups; group += 1) {
    const gap = gapBetween(text, groupEnd(scan, group - 1), groupStart(scan, group));
    const size = groupSize(scan, group);
    if (gap === undefined || total + size > mostDigits) break;
    gaps.push(gap);
    sizes.push(size);
    total += size;
  }
  return {
    first,
    sizes,
    gaps,
    total,
    alikeBefore: () => digitsBefore(scan, first, gaps[0]),
    digits(count, withoutTrunk) {
      let digits = '';
      for (let place = 0; place < count; place += 1) {
        if (withoutTrunk && sizes[place] === 1 && gaps[place - 1]?.endsWith('(') && gaps[place]?.startsWith(')'))
          continue;
        digits += text.slice(groupStart(scan, first + place), groupEnd(scan, first + place));
      }
      return digits;
    },
  };
}

function gapBetween(text: string, from: number, to: number): string | undefined {
  if (to - from > longestGap) return undefined;
  for (let at = from; at < to; at += 1) if (!isGap(text.charCodeAt(at))) return undefined;
  return text.slice(from, to);
}

function digitsBefore(scan: Scan, first: number, alike: string | undefined): number {
  let digits = 0;
  for (let group = first; group > 0 && digits < mostDigits; group -= 1) {
    if (gapBetween(scan.text, groupEnd(scan, group - 1), groupStart(scan, group)) !== alike) break;
    digits += groupSize(scan, group - 1);
  }
  return alike === undefined ? 0 : digits;
}
