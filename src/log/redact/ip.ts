import { isIP } from 'node:net';
import { closes, isDigit, isHex, isWord, opens, opensOrIsNamed } from './characters.ts';
import { groupEnd, groupSize, groupStart, isAddressPart, type Scan } from './scan.ts';
import type { Span } from './span.ts';

/** Four numbers with dots are as often a version. What the text calls it last decides. */
const context = 40;
const versionCue =
  /(?:versions?\b|\b(?:v\.?(?= )|ver|rel|releases?d?|builds?|firmware|sections?|sec|chapters?|clauses?|articles?|paragraphs?|figures?|tables?|oid)\b|version(?:["']?\s*[:=]|\(["'])|[=<>~^!]=\s*["']?|[§^~])[^\n]*$/i;
/** These say so only right before it: an api has addresses, too, and people update them. */
const nearVersionCue =
  /\b(?:(?:drivers?|sdk|package|kernel|runtime|assembly|api|plugin|library|framework|chrome|firefox|safari|edge|opera|ec)[ -]|(?:up|down)grad(?:ed?|ing) |(?:updat|upgrad|downgrad)(?:ed?|ing) (?:[\w.-]{1,20} ){0,2}to |(?:bump(?:s|ed|ing)?|(?:up|down)grad(?:es?|ed|ing)) (?:[\w.@/-]{1,30} )?from (?:\d[\d.]{4,14} to )?)$/i;
const ipCue =
  /\b(?:ips?|ipv4|addr(?:ess(?:es)?)?|hosts?|hostnames?|servers?|clients?|from|remote|gateway|subnet|dns|ping|ssh|peer|origin|forwarded|nat|router|listen(?:ing)?|connect(?:ed|ion|ing)?|login|logged|banned?|blocked?|request)\b|ip(?:[_-]?addr(?:ess)?)?["']?\s*[:=]/i;

/** End of the IPv4 address that starts with this digit group, or -1. */
export function ipv4At(scan: Scan, first: number): number {
  const { text } = scan;
  const start = groupStart(scan, first);
  if (groupSize(scan, first) > 3) return -1;
  for (let group = first + 1; group <= first + 3; group += 1) {
    const at = groupStart(scan, group);
    if (at === -1 || at !== groupEnd(scan, group - 1) + 1 || text.charCodeAt(at - 1) !== 46) return -1;
    if (groupSize(scan, group) > 3) return -1;
  }
  const end = groupEnd(scan, first + 3);
  if (!opensOrIsNamed(text, start) || !closes(text, end)) return -1;
  const before = text.charCodeAt(start - 1);
  // 1.2.3.4.5, lib-1.2.3.4, ==1.2.3.4
  if (
    before === 46 ||
    ((before === 45 || before === 43) && isWord(text.charCodeAt(start - 2)) && !isDigit(text.charCodeAt(start - 2)))
  )
    return -1;
  const after = text.charCodeAt(end);
  const next = text.charCodeAt(end + 1);
  if (after === 46 && isDigit(next)) return -1;
  if ((after === 45 || after === 43) && isWord(next) && !isDigit(next)) return -1;
  const address = text.slice(start, end);
  if (isIP(address) !== 4 || namesNobody(address)) return -1;
  return isVersion(text, start) ? -1 : end;
}

/** Every machine calls itself so; a netmask is none. */
function namesNobody(address: string): boolean {
  return address === '127.0.0.1' || address.startsWith('0.') || address.startsWith('255.');
}

function isVersion(text: string, start: number): boolean {
  // Firefox/1.2.3.4, and not http://1.2.3.4 or /log/1.2.3.4
  if (
    text.charCodeAt(start - 1) === 47 &&
    /(?:^|[\s(;,"'])[A-Za-z][\w.-]*\/$/.test(text.slice(Math.max(0, start - 32), start))
  ) {
    return true;
  }
  const before = text.slice(Math.max(0, start - context), start);
  if (nearVersionCue.test(before)) return !/\b(?:ips?|address|dns|hosts?|servers?|gateway) to $/i.test(before);
  const cue = versionCue.exec(before);
  return cue !== null && !ipCue.test(before.slice(cue.index + cue[0].search(/[\s:="'§^~]|$/)));
}

const longestIpv6 = 45;
/** Global, unique local, link-local and multicast addresses (IANA IPv6 address space), and NAT64. */
const globalUse = /^(?:[23][0-9a-f]{3}|f[c-f][0-9a-f]{2}|64:ff9b):/i;
/** Zone of a link-local address (RFC 6874), as in fe80::1%eth0. */
const zone = /^%[A-Za-z0-9_.-]{1,16}/;

/** IPv6 addresses, each found by looking outward from its first colon. */
export function findIpv6({ text, colons }: Scan, spans: Span[]): void {
  for (const colon of colons) {
    const second = text.indexOf(':', colon + 1);
    if (second === -1) return;
    if (second > colon + 5) continue;
    let start = colon;
    while (start > 0 && colon - start < 5 && isHex(text.charCodeAt(start - 1))) start -= 1;
    let end = colon;
    while (end < text.length && end - start <= longestIpv6 + 5 && isAddressPart(text.charCodeAt(end))) end += 1;
    const found = longestIpv6At(text, start, end);
    if (found !== undefined) spans.push({ kind: 'IP', ...found });
  }
}

/** The address in a run of hexadecimal digits, colons and dots; words before it and points after it may be in the run. */
function longestIpv6At(text: string, from: number, to: number): { start: number; end: number } | undefined {
  let start = from;
  let end = to;
  while (
    end > start &&
    (text.charCodeAt(end - 1) === 46 || (text.charCodeAt(end - 1) === 58 && text.charCodeAt(end - 2) !== 58))
  )
    end -= 1;
  for (let tries = 0; tries < 3 && end - start >= 4; tries += 1) {
    const address = text.slice(start, end);
    if (isIP(address) === 6) {
      if (!closes(text, end)) return undefined;
      if (opens(text, start) && isAddress(address))
        return { start, end: end + (zone.exec(text.slice(end, end + 17))?.[0].length ?? 0) };
    }
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= end - 1) return undefined;
    start = text.charCodeAt(colon + 1) === 58 && colon === start ? colon + 2 : colon + 1;
  }
  return undefined;
}

/** Not a hardware identifier of eight bytes, a name in a program (abc::de4) or the machine itself. */
function isAddress(address: string): boolean {
  if (/^(?:[0-9a-f]{2}:){7}[0-9a-f]{2}$/i.test(address) || /^[0:]*:0*1?$/.test(address)) return false;
  const parts = address.split(':').filter((part) => part !== '');
  return (parts.length > 2 && /\d/.test(address)) || globalUse.test(address) || address.includes('.');
}
