import { isLocal, isToken, isWord } from './characters.ts';
import type { Scan } from './scan.ts';
import type { Span } from './span.ts';

/** RFC 5321 allows 64 units before the sign and 255 after it; both slices hold that much and no more. */
const localUnits = 64;
const domainUnits = 255;

const quotedLocal = /"[^"\n]{1,62}"$/;
const anyLocal = /[\p{L}\p{M}\p{N}.!#$%'*+^_~-]{1,64}$/u;
const localEnd = /["\p{L}\p{M}\p{N}.!#$%'*+^_~-]/u;
const localPadding = /^[.'*~^!#$%-]+/;

const asciiDomain =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9_\u2014-]{0,61}[A-Za-z0-9])?\.){1,8}(?:[xX][nN]--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,63})/;
const label = String.raw`[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}_-]{0,61}[\p{L}\p{M}\p{N}])?`;
const anyDomain = new RegExp(String.raw`^(?:${label}\.){1,8}(?:xn--[a-z0-9-]{2,59}|[\p{L}\p{M}]{2,63})`, 'iu');
const longestLiteral = 52;
const literalDomain = /^\[(?:IPv6:[0-9a-fA-F:.]{2,45}|\d{1,3}(?:\.\d{1,3}){3})\]/;

/** A package's version (left-pad@1.3.0-rc.one) and a picture for a dense screen (icon@2x.png) have the form, too. */
const notDomain = /^(?:\d+\.\d+[.-]|[1-4]x\.[a-z]{3,4}$)/;

/**
 * Mail addresses, found by looking outward from each "@". Message ids have the same form and are taken for addresses:
 * many of them hold one.
 */
export function findEmails({ text, ats }: Scan, spans: Span[]): void {
  let from = 0;
  for (const sign of ats) {
    if (sign === 0 || !maybeDomain(text, sign + 1)) continue;
    const name = localPart(text, Math.max(from, sign - localUnits), sign);
    // git@host names a repository's server and nobody.
    if (name === '' || name === 'git') continue;
    const host = domainAt(text, sign + 1);
    if (host === '') continue;
    from = sign + 1 + host.length;
    spans.push({ kind: 'EMAIL', start: sign - name.length, end: from });
  }
}

/** Whether what follows the sign goes on to a point: most signs of a text full of them end here. */
function maybeDomain(text: string, from: number): boolean {
  if (text.charCodeAt(from) === 91) return true;
  for (let at = from; at < from + 64; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 46) return at > from;
    if (code < 128 && !isToken(code)) return false;
  }
  return false;
}

function localPart(text: string, from: number, sign: number): string {
  if (!localEnd.test(text.charAt(sign - 1)) && !isLowSurrogate(text.charCodeAt(sign - 1))) return '';
  const left = text.slice(from, sign);
  // A local part next to ASCII is taken as ASCII: scripts without spaces would lose the sentence before it.
  let start = left.length;
  while (start > 0 && isLocal(left.charCodeAt(start - 1))) start -= 1;
  const ascii = left.slice(start);
  const before = from + start - 1;
  const whole = ascii !== '' && !(before >= from && text.charCodeAt(before) > 127 && isWord(text.charCodeAt(before)));
  const local = quotedLocal.exec(left)?.[0] ?? (whole ? ascii : anyLocal.exec(left)?.[0]) ?? '';
  return local.replace(localPadding, '');
}

function domainAt(text: string, at: number): string {
  if (text.charCodeAt(at) === 91) return literalDomain.exec(text.slice(at, at + longestLiteral))?.[0] ?? '';
  const right = text.slice(at, at + domainUnits);
  const ascii = asciiDomain.exec(right)?.[0];
  if (ascii !== undefined) {
    const next = right.charCodeAt(ascii.length);
    const goesOn = (next > 127 && isWord(next)) || (next === 46 && right.charCodeAt(ascii.length + 1) > 127);
    const host = goesOn ? (anyDomain.exec(right)?.[0] ?? ascii) : ascii;
    return notDomain.test(host) ? '' : host;
  }
  return anyDomain.exec(right)?.[0] ?? '';
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
