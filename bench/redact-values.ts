import { mod97 } from '../src/log/redact/checksum.ts';
import type { Random } from './redact-random.ts';

/** Makers of the identifiers that are looked for, by kind. Checksums hold; forms are as varied as we could think of. */
export const makers: Record<string, (random: Random) => string> = { EMAIL, PHONE, SSN, CREDIT_CARD, IBAN, IP };

const names =
  'john.smith maria wei_chen o.connor j-doe info ahmed99 lena.m.schulz K8 bob+news x.y.z Anna.Kowalska sales team-42 r2d2'.split(
    ' ',
  );
const domains =
  'example.com mail.example.co.uk gmail.com t-online.de sub.dept.uni-bonn.de 163.com acme.io foo.museum qq.com web.de proton.me a1.travel'.split(
    ' ',
  );

function EMAIL(random: Random): string {
  const address = `${random.pick(names)}@${random.pick(domains)}`;
  return random.chance(0.15) ? address.toUpperCase() : address;
}

const phones = [
  '+1 {2}dd-{2}dd-dddd',
  '+1-{2}dd-{2}dd-dddd',
  '+1 ({2}dd) {2}dd-dddd',
  '+1{2}dd{2}dddddd',
  '({2}dd) {2}dd-dddd',
  '{2}dd-{2}dd-dddd',
  '{2}dd.{2}dd.dddd',
  '1-{2}dd-{2}dd-dddd',
  '({2}dd){2}dd-dddd',
  '{2}dd-{2}dd-dddd x{2}d',
  '+44 20 7ddd dddd',
  '+44 (0)20 7ddd dddd',
  '+447{4}dddddddd',
  '020 7ddd dddd',
  '07{4}dd dddddd',
  '+49 30 {2}ddddddd',
  '+49 (0)89 {2}dddddd',
  '0171 {2}dddddd',
  '030/{2}dddddd',
  '+33 1 {2}d dd dd dd',
  '+33 6 {2}d dd dd dd',
  '06 {2}d dd dd dd',
  '01.{2}d.dd.dd.dd',
  '+34 6{2}d dd dd dd',
  '+39 06 {2}ddd dddd',
  '+39 3{2}d ddd dddd',
  '+91 9{2}ddd ddddd',
  '+9198ddddddd{2}',
  '+81 3-{2}ddd-dddd',
  '+81-90-{2}ddd-dddd',
  '090-{2}ddd-dddd',
  '03-{2}ddd-dddd',
  '+86 138 dddd dddd',
  '+86 10 {6}ddd dddd',
  '+55 11 9{6}ddd-dddd',
  '(11) 9{6}ddd-dddd',
  '+61 2 9ddd dddd',
  '+61 4{1}d ddd ddd',
  '(02) 9ddd dddd',
  '+7 495 ddd-dd-dd',
  '8 (495) ddd-dd-dd',
  '+82 10-{2}ddd-dddd',
  '010-{2}ddd-dddd',
  '+52 55 {2}ddd dddd',
  '+31 20 {2}dd dddd',
  '+46 8 {2}dd ddd dd',
  '+41 44 {2}dd dd dd',
  '+48 5{1}d ddd ddd',
  '+351 91{2} ddd ddd',
  '+65 9ddd dddd',
  '+852 9ddd dddd',
  '+971 50 {2}dd dddd',
  '+27 82 {2}dd dddd',
  '+64 21 {2}dd dddd',
  '+353 87 {2}dd dddd',
  '0049 30 {2}dddddd',
  '+90 532 {2}dd dd dd',
  '+972-54-{2}dd-dddd',
  '+358 40 {2}dd dddd',
  '+20 10 {2}ddd dddd',
];

function PHONE(random: Random): string {
  return random.fill(random.pick(phones));
}

function SSN(random: Random): string {
  const area = random.chance(0.7) ? random.integer(101, 665) : random.integer(667, 899);
  const separator = random.pick(['-', '-', '-', ' ']);
  return `${area}${separator}${pad(random.integer(1, 99), 2)}${separator}${pad(random.integer(1, 9999), 4)}`;
}

const cards: [prefix: string, groups: number[]][] = [
  ['4', [4, 4, 4, 4]],
  ['51', [4, 4, 4, 4]],
  ['55', [4, 4, 4, 4]],
  ['2221', [4, 4, 4, 4]],
  ['2720', [4, 4, 4, 4]],
  ['34', [4, 6, 5]],
  ['37', [4, 6, 5]],
  ['6011', [4, 4, 4, 4]],
  ['65', [4, 4, 4, 4]],
  ['3530', [4, 4, 4, 4]],
  ['3566', [4, 4, 4, 4]],
  ['36', [4, 6, 4]],
  ['305', [4, 6, 4]],
  ['62', [4, 4, 4, 4]],
  ['5018', [4, 4, 4, 4]],
  ['644', [4, 4, 4, 4]],
];

function CREDIT_CARD(random: Random): string {
  const [prefix, groups] = random.pick(cards);
  const length = groups.reduce((sum, size) => sum + size, 0);
  let digits = prefix;
  while (digits.length < length - 1) digits += String(random.integer(0, 9));
  digits += String(checkDigit(digits));
  const separator = random.pick(['', ' ', '-']);
  let at = 0;
  return groups.map((size) => digits.slice(at, (at += size))).join(separator);
}

function checkDigit(digits: string): number {
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, place) => {
      const value = Number(digit) * (place % 2 === 0 ? 2 : 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return (10 - (sum % 10)) % 10;
}

/** Account parts by country: d a digit, A a capital letter. */
const accounts = {
  DE: 'dddddddddddddddddd',
  GB: 'AAAAdddddddddddddd',
  FR: 'ddddddddddddddddddddddd',
  ES: 'dddddddddddddddddddd',
  IT: 'Adddddddddddddddddddddd',
  NL: 'AAAAdddddddddd',
  BE: 'dddddddddddd',
  CH: 'ddddddddddddddddd',
  AT: 'dddddddddddddddd',
  PL: 'dddddddddddddddddddddddd',
  PT: 'ddddddddddddddddddddd',
  SE: 'dddddddddddddddddddd',
  NO: 'ddddddddddd',
  DK: 'dddddddddddddd',
  FI: 'dddddddddddddd',
  IE: 'AAAAdddddddddddddd',
  GR: 'ddddddddddddddddddddddd',
  CZ: 'dddddddddddddddddddd',
  HU: 'dddddddddddddddddddddddd',
  TR: 'dddddddddddddddddddddd',
  SA: 'dddddddddddddddddddd',
  MT: 'AAAAddddddddddddddddddddddd',
};

function IBAN(random: Random): string {
  const [country, form] = random.pick(Object.entries(accounts));
  const account = random.fill(form);
  for (let check = 2; check <= 98; check += 1) {
    const iban = `${country}${pad(check, 2)}${account}`;
    if (!mod97(iban)) continue;
    const spaced = random.chance(0.5) ? iban : (iban.match(/.{1,4}/g) ?? []).join(' ');
    return random.chance(0.1) ? spaced.toLowerCase() : spaced;
  }
  throw new Error('every account has check digits');
}

function IP(random: Random): string {
  if (random.chance(0.6))
    return `${random.integer(11, 223)}.${random.integer(0, 255)}.${random.integer(0, 255)}.${random.integer(1, 254)}`;
  const words = Array.from({ length: 8 }, () => random.integer(1, 65535).toString(16));
  const form = random.integer(0, 4);
  if (form === 0) return ['2001', 'db8', ...words.slice(2)].join(':');
  if (form === 1) return `2001:db8:${words[2]}::${words[3]}`;
  if (form === 2) return `fe80::${words.slice(4).join(':')}`;
  if (form === 3) return `2a02:${words.slice(1, 4).join(':')}::1`;
  return `::ffff:${random.integer(11, 223)}.${random.integer(0, 255)}.${random.integer(0, 255)}.${random.integer(1, 254)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
