import type { Span } from './index.ts';

const local = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}$/u;
const domain = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}/u;

/** Addresses around each `@`, looking at most 64 units back and 256 ahead. */
export function findEmails(text: string): Span[] {
  const spans: Span[] = [];
  let last = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const before = local.exec(text.slice(Math.max(last, at - 64), at));
    const after = domain.exec(text.slice(at + 1, at + 257));
    if (before === null || after === null) continue;
    last = at + 1 + after[0].length;
    spans.push({ start: at - before[0].length, end: last });
  }
  return spans;
}
