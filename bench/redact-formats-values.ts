import { createRequire } from 'node:module';
import { getExampleNumber, type CountryCode, type Examples } from 'libphonenumber-js/max';
import { luhn, mod97 } from '../src/log/redact/checksum.ts';
import type { Random } from './redact-random.ts';

const examples = createRequire(import.meta.url)('libphonenumber-js/examples.mobile.json') as Examples;

/** Makers of values as programs write them, by kind; see `redact-formats.ts`. */
export const formatMakers: Record<string, (random: Random) => string> = { EMAIL, PHONE, SSN, CREDIT_CARD, IBAN, IP };

const people =
  'tunde.adeyemi|m-larsson|grace_hopper|jsmith84|li.wei|q|dr.house+work|no-reply|sven.o|x_y-z.1|fatima.al-sayed|root|webmaster|a1b2c3|ines.garcia.ruiz|O.Brien|user%dept|7days'.split(
    '|',
  );
const domains =
  'gmail.com|acme.io|mail.example.org|example.co.za|uni-koeln.de|qq.com|proton.me|sub.dept.example.edu|web.de|orange.fr|rambler.ru|k8s.internal.example.com|xn--mller-kva.example|4chan.example|example.technology|a-b.co'.split(
    '|',
  );

function EMAIL(random: Random): string {
  return `${random.pick(people)}@${random.pick(domains)}`;
}

const regions: readonly CountryCode[] = [
  ...(['US', 'CA', 'MX', 'BR', 'AR', 'CL', 'CO', 'GB', 'IE', 'FR', 'DE', 'AT', 'CH', 'IT', 'ES', 'PT'] as const),
  ...(['NL', 'BE', 'DK', 'SE', 'NO', 'FI', 'PL', 'CZ', 'RO', 'GR', 'TR', 'UA', 'IL', 'AE', 'SA', 'EG'] as const),
  ...(['NG', 'KE', 'ZA', 'IN', 'PK', 'BD', 'TH', 'VN', 'ID', 'PH', 'SG', 'HK', 'TW', 'JP', 'KR', 'AU', 'NZ'] as const),
];

/** As libphonenumber writes its own example numbers, the last digits changed. */
function PHONE(random: Random): string {
  const number = getExampleNumber(random.pick(regions), examples);
  if (number === undefined) throw new Error('no example');
  const vary = (text: string): string => text.replace(/\d(?=\D*\d?\D*$)/g, () => random.fill('d'));
  const extension = random.pick(['', '', '', '', ` x${random.integer(10, 999)}`, ` ext. ${random.integer(10, 9999)}`]);
  return random.pick([
    () => vary(number.format('INTERNATIONAL')) + extension,
    () => vary(number.format('INTERNATIONAL')).replaceAll(' ', '-'),
    () => vary(number.format('INTERNATIONAL')).replaceAll(' ', '.'),
    () => vary(number.format('E.164')),
    () => `tel:${vary(number.format('E.164'))}${random.pick(['', `;ext=${random.integer(10, 999)}`])}`,
    () => `00${vary(number.format('INTERNATIONAL')).slice(1)}`,
    () => `phone: ${vary(number.format('NATIONAL'))}${extension}`,
    () => `"mobile": "${vary(number.format('NATIONAL'))}"`,
  ])();
}

function SSN(random: Random): string {
  const area = random
    .pick([random.integer(1, 665), random.integer(667, 899)])
    .toString()
    .padStart(3, '0');
  const [group, serial] = [random.fill('{1}d'), random.fill('{1}ddd')];
  return random.pick([
    `${area}-${group}-${serial}`,
    `${area}-${group}-${serial}`,
    `${area} ${group} ${serial}`,
    `ssn=${area}${group}${serial}`,
    `"ssn": ${area === '000' || area.startsWith('0') ? `"${area}${group}${serial}"` : `${area}${group}${serial}`}`,
    `Social Security Number: ${area}.${group}.${serial}`,
    `SSN#${area}${group}${serial}`,
    `social_security_number: '${area}${group}${serial}'`,
  ]);
}

const networks = ['4000', '4556', '4916', '5424', '5555', '5200', '2720', '3400', '3782', '6011', '6504', '3530'];

function CREDIT_CARD(random: Random): string {
  const prefix = random.pick(networks);
  const length = prefix.startsWith('34') || prefix.startsWith('37') ? 15 : 16;
  const body = prefix + random.fill('d'.repeat(length - 5));
  const digits = Array.from({ length: 10 }, (_, last) => `${body}${last}`).find(luhn) ?? '';
  const groups = (length === 15 ? /(.{4})(.{6})(.{5})/ : /(.{4})(.{4})(.{4})(.{4})/).exec(digits)?.slice(1) ?? [];
  const year = random.integer(26, 31);
  return random.pick([
    digits,
    groups.join(' '),
    groups.join('-'),
    groups.join('\n'),
    groups.join('\\n'),
    groups.join('\t'),
    groups.join('_'),
    `"card": ${digits}`,
    `"pan":${digits},"cvv":${random.fill('ddd')}`,
    `${digits}|${random.fill('0{1}')}|${year}|${random.fill('ddd')}`,
    `${groups.join(' ')} ${random.fill('0{1}')}/${year} ${random.fill('ddd')}`,
    `%B${digits}^DOE/JANE^${year}12101?`,
    `;${digits}=${year}121015?`,
  ]);
}

const accounts: [string, string][] = [
  ...([
    ['SE', 'd'.repeat(20)],
    ['DK', 'd'.repeat(14)],
    ['CZ', 'd'.repeat(20)],
    ['SK', 'd'.repeat(20)],
    ['PT', 'd'.repeat(21)],
    ['IE', `AAAA${'d'.repeat(14)}`],
    ['HR', 'd'.repeat(17)],
    ['SI', 'd'.repeat(15)],
    ['LT', 'd'.repeat(16)],
    ['LU', 'd'.repeat(16)],
    ['LV', `AAAA${'d'.repeat(13)}`],
    ['HU', 'd'.repeat(24)],
    ['RO', `AAAA${'d'.repeat(16)}`],
    ['GR', 'd'.repeat(23)],
    ['CY', 'd'.repeat(24)],
    ['MT', `AAAA${'d'.repeat(23)}`],
    ['TR', 'd'.repeat(22)],
    ['AE', 'd'.repeat(19)],
    ['SA', 'd'.repeat(20)],
    ['IL', 'd'.repeat(19)],
    ['DE', 'd'.repeat(18)],
    ['GB', `AAAA${'d'.repeat(14)}`],
    ['FR', 'd'.repeat(23)],
    ['UA', 'd'.repeat(25)],
    ['BR', `${'d'.repeat(23)}AA`],
  ] satisfies [string, string][]),
];

function IBAN(random: Random): string {
  const [country, form] = random.pick(accounts);
  const account = random.fill(form);
  const iban =
    Array.from({ length: 97 }, (_, at) => `${country}${String(at + 2).padStart(2, '0')}${account}`).find(mod97) ?? '';
  const groups = iban.match(/.{1,4}/g) ?? [];
  const middle = random.integer(1, groups.length - 1);
  return random.pick([
    iban,
    iban.toLowerCase(),
    groups.join(' '),
    groups.join(' ').toLowerCase(),
    groups.join('\n'),
    `${groups.slice(0, middle).join(' ')}\n${groups.slice(middle).join(' ')}`,
    `${groups.slice(0, middle).join(' ')}\\n${groups.slice(middle).join(' ')}`,
    groups.join('  '),
    groups.join('\t'),
    groups.join('_'),
    `IBAN${iban}`,
    `IBAN:${groups.join(' ')} BIC:DEUTDEFF500`,
  ]);
}

function IP(random: Random): string {
  const byte = (): number => random.integer(1, 254);
  const word = (): string => random.integer(4096, 65535).toString(16);
  const four = (): string => [random.integer(11, 223), byte(), byte(), byte()].join('.');
  return random.pick([
    four,
    () => `${four()}:${random.integer(80, 65000)}`,
    () => `${four()}/${random.integer(8, 32)}`,
    () => `${four()}, ${four()}`,
    () => `http://${four()}:${random.integer(1024, 65000)}/v1/chat`,
    () => `root@${four()}`,
    () => `${four()}-${four()}`,
    () => `fe80::${word()}:${word()}%eth0`,
    () => `fe80::${word()}:${word()}%en0/64`,
    () => `[fe80::${word()}%25wlan0]`,
    () => `[2001:db8::${word()}]:8443`,
    () => `https://[2607:f8b0:4005:${word()}::${word()}]:8443/x`,
    () => `2001:db8:${word()}::/48`,
    () => `2a00:1450:4001:${word()}::200e/128`,
    () => `fd${random.fill('hh:hhhh:hhhh')}::${random.integer(1, 9)}`,
    () => Array.from({ length: 8 }, word).join(':'),
    () => `::ffff:${four()}`,
    () => `64:ff9b::${four()}`,
    () => `ip6:2a01:4f8:${word()}::2`,
  ])();
}
