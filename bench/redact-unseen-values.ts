import { luhn, mod97 } from '../src/log/redact/checksum.ts';
import type { Random } from './redact-random.ts';

/** Makers of identifiers for the cases nobody has tuned against; see `redact-unseen.ts`. */
export const unseenMakers: Record<string, (random: Random) => string> = { EMAIL, PHONE, SSN, CREDIT_CARD, IBAN, IP };

const locals =
  'aisha.khan|p_novak|olu-ade|hiroshi1984|zoe|b|o.g.mandino|support+ticket-77|kim.lee.park|DrWho|maría.lópez|søren|i.petrov|nguyen_van_a|a.b.c.d|reply-7f3a|accounts.payable|x2|łukasz|иван'.split(
    '|',
  );
const hosts =
  'outlook.com|example.net|mail.gov.uk|students.uni-wien.ac.at|naver.com|yahoo.co.jp|corp.internal.example|icloud.com|firma.biz|posteo.de|hey.dev|my-shop.store|n1.ro|bbc.co.uk|xn--bcher-kva.example|почта.рф'.split(
    '|',
  );

function EMAIL(random: Random): string {
  const address = `${random.pick(locals)}@${random.pick(hosts)}`;
  return random.pick([address, address, address, `mailto:${address}`, `<${address}>`, address.toUpperCase()]);
}

const phoneForms = [
  '+1 {2}dd {2}dd dddd',
  '+1 ({2}dd){2}dd-dddd',
  '1.{2}dd.{2}dd.dddd',
  '{2}dd {2}dd-dddd',
  '({2}dd) {2}dd.dddd',
  '{2}dd-{2}dd-dddd #{1}dd',
  '+44 (0) 161 496 0ddd',
  '+44 7{4}dd dddddd',
  '07{4}dd-dddddd',
  '0113 496 0ddd',
  '01632 960ddd',
  '01632 960 ddd',
  '+49-30-{2}ddddddd',
  '+49 151 {2}ddddddd',
  '0221 / {2}ddddd-0',
  '089-{2}dddddd',
  '+33 (0)1 {2}d dd dd dd',
  '07.{2}d.dd.dd.dd',
  '05 {2}d dd dd dd',
  '+34 6{2}d ddd ddd',
  '6{2}d ddd ddd',
  '+39 347 {2}dddddd',
  '02 {6}ddd dddd',
  '+31 6 {2}ddddddd',
  '06-{2}ddddddd',
  '+32 2 {2}dd dd dd',
  '+41 79 {2}dd dd dd',
  '079 {2}dd dd dd',
  '+43 1 {2}dddddd',
  '+46 70 {2}dd dd dd',
  '070-{2}dd dd dd',
  '+47 {4}d dd dd dd',
  '+358 50 {2}dddddd',
  '+48 22 {2}dd dd dd',
  '+420 {6}dd ddd ddd',
  '+36 30 {2}dd dddd',
  '+30 69{2}ddddddd',
  '+90 (5{3}{2}) {2}dd dd dd',
  '+7 (9{1}d) {2}dd-dd-dd',
  '8 9{1}d {2}dd-dd-dd',
  '+380 (50) {2}dd-dd-dd',
  '+91 {7}dddd-ddddd',
  '+91 22 {2}ddd dddd',
  '{7}dddd ddddd',
  '+86 139 dddd dddd',
  '139-dddd-dddd',
  '+852 {6}ddd dddd',
  '+81 80-{2}ddd-dddd',
  '080-{2}ddd-dddd',
  '+82-2-{2}dd-dddd',
  '010 {2}ddd dddd',
  '+65 {8}ddd dddd',
  '+60 12-{2}dd dddd',
  '+61 3 {8}ddd dddd',
  '0412 ddd ddd',
  '(03) {8}ddd dddd',
  '+64 9 {3}dd dddd',
  '+27 11 {2}dd dddd',
  '082 {2}dd dddd',
  '+20 2 {2}ddd dddd',
  '+234 803 {2}dd dddd',
  '+254 722 {1}ddddd',
  '+55 (11) 9{6}ddd-dddd',
  '(11) {2}ddd-dddd',
  '+52 1 55 {2}ddd dddd',
  '+54 11 {4}ddd-dddd',
  '+57 310 {2}dd dddd',
  '+56 9 {6}ddd dddd',
  '+971 4 {2}dd dddd',
  '+972 3-{6}dd-dddd',
  '+966 50 {2}dd dddd',
  '0031 20 {2}dd dddd',
  '011 44 20 7ddd dddd',
];

function PHONE(random: Random): string {
  return random.fill(random.pick(phoneForms));
}

function SSN(random: Random): string {
  const area = String(random.integer(1, 665)).padStart(3, '0');
  const group = String(random.integer(1, 99)).padStart(2, '0');
  const serial = String(random.integer(1, 9999)).padStart(4, '0');
  const joint = random.pick(['-', '-', '-', ' ', ' - ']);
  const value = [area, group, serial].join(joint);
  return random.chance(0.15) ? `SSN: ${area}${group}${serial}` : value;
}

const cards: [string, number[][]][] = [
  ['4539', [[4, 4, 4, 4], [16]]],
  ['4716', [[4, 4, 4, 4]]],
  ['5105', [[4, 4, 4, 4], [16]]],
  ['5299', [[4, 4, 4, 4]]],
  ['2223', [[4, 4, 4, 4], [16]]],
  ['2699', [[4, 4, 4, 4]]],
  ['3434', [[4, 6, 5], [15], [4, 4, 4, 3]]],
  ['3712', [[4, 6, 5], [15]]],
  ['6011', [[4, 4, 4, 4], [16]]],
  ['6445', [[4, 4, 4, 4]]],
  ['3589', [[4, 4, 4, 4], [16]]],
  ['3056', [[4, 6, 4], [14], [4, 4, 4, 2]]],
  ['3667', [[4, 6, 4], [14], [4, 4, 4, 2]]],
  [
    '6225',
    [
      [4, 4, 4, 4],
      [6, 13],
    ],
  ],
  ['6304', [[4, 4, 4, 4]]],
  ['2201', [[4, 4, 4, 4], [16]]],
];

function CREDIT_CARD(random: Random): string {
  const [prefix, shapes] = random.pick(cards);
  const sizes = random.pick(shapes);
  const length = sizes.reduce((sum, size) => sum + size, 0);
  const body = prefix + random.fill('d'.repeat(length - prefix.length - 1));
  const digits = Array.from({ length: 10 }, (_, last) => `${body}${last}`).find(luhn) ?? '';
  const joint = random.pick([' ', ' ', '-', '.', '  ', ' - ']);
  let at = 0;
  return sizes.map((size) => digits.slice(at, (at += size))).join(joint);
}

const accounts: [string, string][] = [
  ['DE', 'dddddddddddddddddd'],
  ['FR', 'ddddddddddAAdddddddAddd'],
  ['GB', 'AAAAdddddddddddddd'],
  ['ES', 'dddddddddddddddddddd'],
  ['IT', 'Adddddddddddddddddddddd'],
  ['NL', 'AAAAdddddddddd'],
  ['BE', 'dddddddddddd'],
  ['AT', 'dddddddddddddddd'],
  ['CH', 'dddddddddddddAddd'],
  ['PL', 'dddddddddddddddddddddddd'],
  ['NO', 'ddddddddddd'],
  ['FI', 'dddddddddddddd'],
  ['BG', 'AAAAdddddddddddddd'],
  ['EE', 'dddddddddddddddd'],
  ['IS', 'dddddddddddddddddddddd'],
  ['KZ', 'dddAAAAAAAAAAAAA'],
  ['QA', 'AAAAddddddddddddddddddddd'],
  ['PK', 'AAAAdddddddddddddddd'],
];

function IBAN(random: Random): string {
  const [country, form] = random.pick(accounts);
  const account = random.fill(form);
  const iban = Array.from({ length: 97 }, (_, at) => `${country}${String(at + 2).padStart(2, '0')}${account}`).find(
    mod97,
  );
  const groups = (iban ?? '').match(/.{1,4}/g) ?? [];
  return random.pick([iban ?? '', groups.join(' '), groups.join(' '), groups.join('-'), groups.join(' - ')]);
}

function IP(random: Random): string {
  const byte = (): string => String(random.integer(1, 254));
  const word = (): string => random.integer(1, 65535).toString(16);
  return random.pick([
    () => [byte(), byte(), byte(), byte()].join('.'),
    () => [byte(), byte(), byte(), byte()].join('.'),
    () => `${[byte(), byte(), byte(), byte()].join('.')}:${random.integer(1024, 65000)}`,
    () => `${['10', byte(), byte(), '0'].join('.')}/24`,
    () => `2001:db8:${word()}:${word()}::${word()}`,
    () => `2a03:2880:f12f:${word()}:face:b00c:0:25de`,
    () => `fe80::${random.fill('0hhh:hhff:fehh:hhhh')}`,
    () => `[2600:1406::${word()}]:443`,
    () => `::ffff:${[byte(), byte(), byte(), byte()].join('.')}`,
    () => Array.from({ length: 8 }, word).join(':').toUpperCase(),
  ])();
}
