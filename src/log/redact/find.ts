import { findEmails } from './email.ts';
import { takeAddress } from './address.ts';
import { cardAt } from './card.ts';
import { createOrigin, fold } from './fold.ts';
import { ibanAt, maybeIban } from './iban.ts';
import { findIpv6, ipv4At } from './ip.ts';
import { takePhone, type PhoneLooks } from './phone.ts';
import { groupEnd, groupStart, scanText, type Scan } from './scan.ts';
import { findSecrets } from './secret.ts';
import { joinSpans, type Span } from './span.ts';
import { ssnAt } from './ssn.ts';

/** Looks for one more kind of thing in a folded text. */
export type Finder = (text: string, spans: Span[]) => void;

/** All that is to be replaced in the text, in order, apart from each other. */
export function findSpans(text: string, more: readonly Finder[]): Span[] {
  const folded = fold(text);
  const scan = scanText(folded.text);
  const spans: Span[] = [];
  findSecrets(scan, spans);
  findEmails(scan, spans);
  findIpv6(scan, spans);
  findNumbers(scan, spans);
  for (const find of more) find(folded.text, spans);
  const joined = joinSpans(spans);
  if (folded.shifts.length === 0) return joined;
  const origin = createOrigin(folded);
  return joined.map(({ kind, start, end }) => ({ kind, start: origin(start), end: origin(end) }));
}

/** What starts with a digit group. The kinds with a checksum come first; what one takes, the next does not look at. */
function findNumbers(scan: Scan, spans: Span[]): void {
  const looks: PhoneLooks = { made: 0, alikeUntil: 0 };
  for (let group = 0; group < scan.groups; group += 1) {
    const start = groupStart(scan, group);
    if (start < scan.taken) continue;
    const iban = maybeIban(scan, start) ? ibanAt(scan, group) : -1;
    if (iban !== -1) {
      spans.push({ kind: 'IBAN', start: start - 2, end: iban });
      scan.taken = iban;
      continue;
    }
    const [kind, end] = checkedAt(scan, group);
    if (end !== -1) {
      spans.push({ kind, start, end });
      scan.taken = end;
      continue;
    }
    const after = takePhone(scan, group, spans, looks);
    if (after > group) scan.taken = spans.at(-1)?.end ?? groupEnd(scan, after - 1);
    else if (takeAddress(scan, group, spans)) scan.taken = spans.at(-1)?.end ?? start;
  }
}

function checkedAt(scan: Scan, group: number): [kind: string, end: number] {
  const ip = ipv4At(scan, group);
  if (ip !== -1) return ['IP', ip];
  const card = cardAt(scan, group);
  return card === -1 ? ['SSN', ssnAt(scan, group)] : ['CREDIT_CARD', card];
}
