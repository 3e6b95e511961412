import { isDigit, isHex, isToken } from './characters.ts';

/**
 * The places worth a look, found in one pass: digit groups, "@", colons of addresses, long opaque tokens. The arrays are
 * kept and used again by the next text, so that a text costs no allocation.
 */
export interface Scan {
  text: string;
  /** Digit groups: number of groups, and where each starts and ends. */
  groups: number;
  starts: Int32Array;
  ends: Int32Array;
  /** Where the last number that was taken ends. */
  taken: number;
  ats: number[];
  /** First colon of each run of hexadecimal digits and colons. */
  colons: number[];
  /** Starts of runs of at least `longToken` letters, digits, "_" and "-". */
  tokens: number[];
}

const longToken = 18;
const scan: Scan = {
  text: '',
  groups: 0,
  taken: -1,
  starts: new Int32Array(256),
  ends: new Int32Array(256),
  ats: [],
  colons: [],
  tokens: [],
};

/** Looks over the text once. The result is good until the next call. */
export function scanText(text: string): Scan {
  scan.text = text;
  scan.groups = 0;
  scan.taken = -1;
  scan.ats = [];
  scan.colons = [];
  scan.tokens = [];
  const { length } = text;
  let tokenStart = -1;
  let inGroup = false;
  let colonDone = -1;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) {
      if (!inGroup) {
        inGroup = true;
        openGroup(at);
      }
    } else if (inGroup) {
      inGroup = false;
      scan.ends[scan.groups - 1] = at;
    }
    if (isToken(code)) {
      if (tokenStart === -1) tokenStart = at;
      continue;
    }
    if (tokenStart !== -1 && at - tokenStart >= longToken) scan.tokens.push(tokenStart);
    tokenStart = -1;
    if (code === 64) scan.ats.push(at);
    else if (code === 58 && at >= colonDone) {
      scan.colons.push(at);
      colonDone = at + 1;
      while (colonDone < length && isAddressPart(text.charCodeAt(colonDone))) colonDone += 1;
    }
  }
  if (inGroup) scan.ends[scan.groups - 1] = length;
  if (tokenStart !== -1 && length - tokenStart >= longToken) scan.tokens.push(tokenStart);
  return scan;
}

/** Start of a digit group; -1 past the last one. */
export const groupStart = ({ groups, starts }: Scan, group: number): number =>
  group < groups ? (starts[group] ?? -1) : -1;
/** End, exclusive, of a digit group. */
export const groupEnd = ({ ends }: Scan, group: number): number => ends[group] ?? -1;
export const groupSize = (from: Scan, group: number): number =>
  group < from.groups ? groupEnd(from, group) - groupStart(from, group) : 0;

export function isAddressPart(code: number): boolean {
  return isHex(code) || code === 58 || code === 46;
}

function openGroup(at: number): void {
  if (scan.groups === scan.starts.length) {
    scan.starts = grown(scan.starts);
    scan.ends = grown(scan.ends);
  }
  scan.starts[scan.groups] = at;
  scan.groups += 1;
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
