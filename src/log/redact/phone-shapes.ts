import type { Run } from './phone-run.ts';

/** How the groups of a national number are sized; what its digits must look like; how sure that makes us. */
interface Shape {
  sizes: RegExp;
  digits: RegExp;
  gaps?: RegExp;
  verdict: 'yes' | 'maybe';
}

const mostAlike = 13;
const dash = String.raw`[-.\u2014]`;

/** Without a trunk prefix or a word that announces them, numbers are known by how their groups are sized. */
const shapes: readonly Shape[] = [
  // North America: 415-555-2671, 415.555.2671, 1-415-555-2671, (415) 555 2671, 415 555-2671
  {
    sizes: /^(?:1 )?3 3 4$/,
    digits: /^1?[2-9]\d\d[2-9]/,
    gaps: new RegExp(String.raw`${dash} ?,|\)|${dash}$`),
    verdict: 'yes',
  },
  { sizes: /^(?:1 )?3 7$/, digits: /^1?[2-9]\d\d[2-9]/, gaps: /\)/, verdict: 'yes' },
  { sizes: /^(?:1 )?3 3 4$/, digits: /^1?[2-9]\d\d[2-9]/, gaps: /[^/]$/, verdict: 'maybe' },
  // Russia: 8 (495) 123-45-67; Turkey: 532 123 45 67
  { sizes: /^1 3 3 2 2$/, digits: /^[78]/, verdict: 'yes' },
  { sizes: /^3 3 2 2$/, digits: /^[1-9]/, verdict: 'yes' },
  // Spain: 91 123 45 67, 612 34 56 78
  { sizes: /^(?:2 3 2 2|3 2 2 2)$/, digits: /^[689]/, verdict: 'yes' },
  // Brazil: 11 91234-5678; China: 138 1234 5678; India: 98765 43210
  { sizes: /^2 5 4$/, digits: /^[1-9][1-9]9/, gaps: /-$/, verdict: 'yes' },
  { sizes: /^3 4 4$/, digits: /^1[3-9]/, verdict: 'yes' },
  { sizes: /^5 5$/, digits: /^[6-9]/, verdict: 'maybe' },
  // Australia: 1300 975 707
  { sizes: /^4 3 3$/, digits: /^1[38]00/, gaps: /^([ -]),\1$/, verdict: 'yes' },
  // Spain: 612 345 678
  { sizes: /^3 3 3$/, digits: /^[67]/, gaps: /^ , $/, verdict: 'maybe' },
];

/** Whether the first `count` groups of a run have the shape of a national number; `maybe` asks a plan. */
export function isPhoneShape(text: string, start: number, run: Run, count: number): 'yes' | 'maybe' | 'no' {
  const digits = run.digits(count, false);
  if (digits.length < 8 || digits.length > 12 || isDate(text.slice(start, start + 11))) return 'no';
  const gaps = run.gaps.slice(0, count - 1);
  const sizes = run.sizes.slice(0, count);
  if (count === 1) return bareMobile(text, start, digits) ? 'yes' : 'no';
  const spaced = gaps.every((gap) => gap === ' ');
  if (spaced && codeBefore(text, start)) return 'no';
  if (text.charCodeAt(start - 1) === 40 && gaps[0]?.startsWith(')')) {
    if (/^(?:19|20)\d\d$/.test(digits.slice(0, sizes[0])) || (sizes[0] ?? 0) < 2) return 'no';
    return sizes.slice(1).every((size) => size >= 2) ? 'yes' : 'no';
  }
  if (/^0[1-9]/.test(digits)) return isTrunk(sizes, gaps, digits) ? 'yes' : 'no';
  const sized = sizes.join(' ');
  const joined = gaps.join(',');
  for (const shape of shapes) {
    if (shape.sizes.test(sized) && shape.digits.test(digits) && (shape.gaps?.test(joined) ?? true))
      return shape.verdict;
  }
  return 'no';
}

/** 020 7946 0958, 030/1234567, 01.42.68.53.00, 090-1234-5678: a trunk prefix and at least one gap. */
function isTrunk(sizes: readonly number[], gaps: readonly string[], digits: string): boolean {
  const [first = 0, second = 0] = sizes;
  if (digits.length < 9 || first < 2 || first > (second === 6 ? 6 : 5) || sizes.length > 6) return false;
  // 0221 / 284233-0: the exchange of a company ends in one digit.
  const exchange =
    gaps.at(-1) === '-' && sizes.at(-1) === 1 && (sizes.length === 3 || !gaps.slice(0, -1).includes('-'));
  if (sizes.slice(1, exchange ? -1 : undefined).some((size) => size < 2)) return false;
  // 06/12/34/56/78, and no date.
  if (gaps.every((gap) => gap === '/') && gaps.length > 1)
    return sizes.length === 5 && sizes.every((size) => size === 2);
  if (gaps.every((gap) => gap === '.') && sizes.length < 3) return false;
  // 02134-1234 is a ZIP code.
  return !(sizes.length === 2 && first === 5 && second === 4);
}

/** 13812345678 in a Chinese text. */
function bareMobile(text: string, start: number, digits: string): boolean {
  if (!/^1[3-9]\d{9}$/.test(digits)) return false;
  return /[\u4e00-\u9fff]/.test(text.slice(Math.max(0, start - 12), start + digits.length + 12));
}

/** Groups behind the first that are parted from it and each other by the same gap. */
export function alikeAfter({ gaps }: Run): number {
  let count = 0;
  while (count < gaps.length && gaps[count] === gaps[0]) count += 1;
  return count;
}

/** One group of many alike is a part of a longer number. */
export function tooManyAlike(run: Run): boolean {
  let total = 0;
  for (const size of run.sizes.slice(0, alikeAfter(run) + 1)) total += size;
  return total > mostAlike || total + run.alikeBefore() > mostAlike;
}

/** "1Z 999 AA1 01 2345 6784": a word with a digit right before belongs to the same code. */
function codeBefore(text: string, start: number): boolean {
  if (text.charCodeAt(start - 1) !== 32) return false;
  const [word = ''] = /[A-Za-z0-9]{1,12}$/.exec(text.slice(Math.max(0, start - 13), start - 1)) ?? [];
  return /\d/.test(word) && /[A-Z]/.test(word);
}

export function isDate(text: string): boolean {
  return /^(?:(?:19|20)\d\d([-./ ]?)[01]\d\1[0-3]\d|\d\d?([-./ ])\d\d?\2(?:19|20)?\d\d(?!\2\d))(?!\d)/.test(text);
}
