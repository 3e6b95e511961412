import type { Span } from './span.ts';

const at = /@|%40|\uff20/g;
/** RFC 5321 allows 64 units before the sign and 255 after it; both slices hold that much and no more. */
const localUnits = 64;
const domainUnits = 255;

// A local part next to ASCII is taken as ASCII: scripts without spaces would lose the sentence before it.
const quotedLocal = /"[^"\n]{1,62}"$/;
const asciiLocal = /[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
const anyLocal = /[\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}$/u;
const localEnd = /["\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
const localPadding = /^[.'`*]+/;

const label = String.raw`[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}_-]{0,61}[\p{L}\p{M}\p{N}])?`;
const topLevel = String.raw`(?:xn--[a-z0-9-]{2,59}|[\p{L}\p{M}]{2,63})`;
const domain = new RegExp(
  String.raw`^(?:(?:${label}\.){1,8}${topLevel}|\[(?:IPv6:[0-9a-f:]{2,39}|\d{1,3}(?:\.\d{1,3}){3})\])`,
  'iu',
);

/**
 * Mail addresses, found by looking outward from each "@". Message ids have the same form and are taken for addresses:
 * many of them hold one.
 */
export function findEmails(text: string): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const sign of text.matchAll(at)) {
    if (!localEnd.test(text.charAt(sign.index - 1))) continue;
    const left = text.slice(Math.max(from, sign.index - localUnits), sign.index);
    const local = quotedLocal.exec(left) ?? asciiLocal.exec(left) ?? anyLocal.exec(left);
    if (local === null) continue;
    const name = local[0].replace(localPadding, '');
    if (name === '') continue;
    const afterSign = sign.index + sign[0].length;
    const host = domain.exec(text.slice(afterSign, afterSign + domainUnits));
    if (host === null) continue;
    from = afterSign + host[0].length;
    spans.push({ kind: 'EMAIL', start: sign.index - name.length, end: from });
  }
  return spans;
}
