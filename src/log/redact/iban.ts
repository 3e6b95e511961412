import { closesOrIsFollowed, isAsciiLetter, opens } from './characters.ts';
import { mod97 } from './checksum.ts';
import { groupStart, type Scan } from './scan.ts';

/** Length of an IBAN by country: SWIFT's IBAN registry, and countries that issue them without being in it. */
const lengths: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
    'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
    'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 ' +
    'AO25 BF28 BJ28 CF27 CG27 CI28 CM27 CV25 DZ26 GA27 GQ27 GW25 IR26 KM27 MA28 MG27 ML28 MZ25 NE28 SN28 TD27 TG28'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Two letters before a digit group, as DE89: where to look. */
export function maybeIban({ text }: Scan, start: number): boolean {
  return start >= 2 && isAsciiLetter(text.charCodeAt(start - 1)) && isAsciiLetter(text.charCodeAt(start - 2));
}

/** End of the IBAN whose check digits start this digit group, or -1. Groups may be parted by a space, "." or a dash. */
export function ibanAt(scan: Scan, first: number): number {
  const { text } = scan;
  const start = groupStart(scan, first) - 2;
  const length = lengths.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined || !opens(text, namedFrom(text, start))) return -1;
  let iban = '';
  let at = start;
  let group = start;
  for (; iban.length < length && at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isAsciiLetter(code) || (code >= 48 && code <= 57)) {
      if (at > group && !separates(text.slice(group, at))) return -1;
      iban += text.charAt(at);
      group = at + 1;
    } else if (at - group === longestGap) return -1;
  }
  return iban.length === length && closesOrIsFollowed(text, at) && mod97(iban.toUpperCase()) ? at : -1;
}

/** IBANDE89370400440532013000: the name may touch. */
function namedFrom(text: string, start: number): number {
  return /^iban$/i.test(text.slice(Math.max(0, start - 4), start)) ? start - 4 : start;
}

const longestGap = 5;

/** One character, two spaces, a dash between spaces, or the end of a line. */
function separates(gap: string): boolean {
  return /^(?:[ .\t_]| {2}| {0,2}[-\u2014] {0,2}| {0,2}\r?\n {0,2})$/.test(gap);
}
