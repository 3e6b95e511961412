import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, redactionRules, redactorVersion, type PackName } from '../../../src/log/redact/index.ts';

const github = `ghp_${'a1B2'.repeat(9)}`;
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';
const kinds: [string, string][] = [
  ['4111 1111 1111 1111, 3782-822463-10005', '[CREDIT_CARD], [CREDIT_CARD]'],
  ['DE89 3704 0044 0532 0130 00.', '[IBAN].'],
  ['10.1.2.3:8080 [2001:db8::1]:443 fe80::1%eth0', '[IP]:8080 [[IP]]:443 [IP]'],
  ['221B Baker Street, London', '[ADDRESS], London'],
  ['P.O. Box 123', '[ADDRESS]'],
  [`key ${github}`, 'key [SECRET]'],
  ['AWS AKIAIOSFODNN7EXAMPLE', 'AWS [SECRET]'],
  [`rl_${'0a1b'.repeat(4)}_${'aZ-_9'.repeat(8)}xyz.`, '[SECRET].'],
  [`Authorization: Bearer ${token}`, 'Authorization: Bearer [SECRET]'],
  ['postgres://app:hunter2@db.example.com/x', 'postgres://[SECRET]@db.example.com/x'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nbye', '[SECRET]\nbye'],
  [String.raw`{"to":"bob\u0040x.com","n":"hi\nann@x.com"}`, String.raw`{"to":"[EMAIL]","n":"hi\n[EMAIL]"}`],
  ['bob [at] example [dot] com', '[EMAIL]'],
  ['１２３－４５－６７８９', '[SSN]'],
  ['3056-9309-0259-04 and 536 – 22 – 8726', '[CREDIT_CARD] and [SSN]'],
  ['DE89 – 3704 – 0044 – 0532 – 0130 – 00', '[IBAN]'],
  ['(660) – 844 – 6546, 011 44 20 7946 0958', '[PHONE], [PHONE]'],
  ['update it: 192.168.3.71; the api at 10.2.3.4', 'update it: [IP]; the api at [IP]'],
  ['updated nginx to 1.2.3.4, sections 3.2.1.7 and 3.2.1.5', 'updated nginx to 1.2.3.4, sections 3.2.1.7 and 3.2.1.5'],
  ['4111\u200b1111\u200b1111\u200b1111', '[CREDIT_CARD]'],
  ['电话13800138000谢谢', '电话[PHONE]谢谢'],
  ['?tel=%2B49+30+901820&x=1', '?tel=[PHONE]&x=1'],
  // What touches a value, and what stands between its name and it.
  ['SSN123-45-6789, ip8.8.8.8, Tel030-12345678', 'SSN[SSN], ip[IP], Tel[PHONE]'],
  ['4111 1111 1111 1111CVV 123, _415-555-2671_', '[CREDIT_CARD]CVV 123, _[PHONE]_'],
  [
    '<th>Phone</th><td>4155552671</td>, SSN (no dashes) “123456789”',
    '<th>Phone</th><td>[PHONE]</td>, SSN (no dashes) “[SSN]”',
  ],
  ['536&ndash;22&ndash;8726, 203[.]0[.]113[.]7, 203。0。113。7', '[SSN], [IP], [IP]'],
  // Numbers without a shape of their own, announced in other tongues, by a neighbour, or behind.
  ['mi número es 612345678', 'mi número es [PHONE]'],
  ['номер телефона 89161234567', 'номер телефона [PHONE]'],
  ['call 4155552671 or 4155552672', 'call [PHONE] or [PHONE]'],
  ['4155552671 is my number', '[PHONE] is my number'],
  // Cards that are seldom: known where the text speaks of one.
  ['my visa 4222222222222, card 6759 7190 8179 0372 86', 'my visa [CREDIT_CARD], card [CREDIT_CARD]'],
  ['15903 Sara Prairie Suite 12, ship to 36 Lopez Port', '[ADDRESS], ship to [ADDRESS]'],
  ['1500 Eagle Crest, Austin, TX 78701, we live at 1500 Eagle Crest', '[ADDRESS], we live at [ADDRESS]'],
  ['my password is Tr0ub4dor!3', 'my password is [SECRET]'],
  // A number with the shape of a phone is one, whatever it is left for.
  ['To place an order: (415) 555-2671, booking 415-555-2671', 'To place an order: [PHONE], booking [PHONE]'],
  ['confirmation 415.555.2671, order 020 7946 0958', 'confirmation [PHONE], order [PHONE]'],
  ['Ticket 415-555-2671, claim 0151 23456789', 'Ticket [PHONE], claim [PHONE]'],
  ['tel 12345678 / 23456789 / 34567890', 'tel [PHONE] / [PHONE] / [PHONE]'],
  ['tel 415-555-2671 | 10002345 |', 'tel [PHONE] | 10002345 |'],
  ['+14155550100,20017342,30017342', '[PHONE],20017342,30017342'],
  ['phone +14155552671, 1500000 users', 'phone [PHONE], 1500000 users'],
  ['vault hvs.CAESIJabcdefghijklmnopqrstuvwxyz01', 'vault hvs.[SECRET]'],
];
const harmless = [
  'FileVersion 5.29.70.146, AssemblyVersion("9.8.8.8"), Bumps foo from 4.1.81.78 to 10.17.98.156',
  'Zoom meeting 822 227 7965, Zoom meeting 083 835 0509, EIN 04-4167789, ratio 350/973/7061',
  '주문번호 3700514321, 订单号码 3700514321',
  'article 4222222222222, order 675971908179',
  'a 30 Day Pass, in 2024 Wall Street fell, a 1960s Broadway show, 36 Lopez Port, 2024 Sara Prairie',
  'HTTP/1.1 502 Bad Gateway, 504 API Gateway errors, mail delivery failed with 503 Envoy Gateway',
  '500 Spring Cloud Gateway, 120 Feature Branch builds, 1000 Great Plains farmers',
  'Top 100 Miami Beach hotels, 150 Harrison Ford movies, 500 Golden Gate Bridge photos',
  'Order number 123456789, call me when it ships',
  'Order 123456789: text me, id 987654321. Call me',
  '123456789 is the tracking number, 987654321 is my order number, read 123456789 as a number',
  'We need 250000000 to reach break-even',
  'order number 415-555-2671',
  'my password is too short, it wants 8chars',
  'user_123-45-6789_x, hotel 12345678',
];

for (const [text, wanted] of kinds) {
  test(`${text.slice(0, 50)} is known for what it is`, () => assert.equal(createRedactor().redact(text).text, wanted));
}

for (const text of harmless) {
  test(`${text.slice(0, 50)} is left alone`, () => assert.equal(createRedactor().redact(text).text, text));
}

const ids: [PackName, string, string][] = [
  ['de-tax-id', 'Steuer-ID: 86 095 742 719', '86 095 742 718'],
  ['uk-nino', 'NI number AB 12 34 56 C', 'BG 12 34 56 C'],
  ['uk-nhs', 'NHS number 943 476 5919', '943 476 5918'],
  ['fr-nir', 'numéro de sécurité sociale 2 55 08 14 168 025 38', '2 55 08 14 168 025 39'],
  ['es-dni', 'DNI 12345678Z', '12345678A'],
  ['it-codice-fiscale', 'codice fiscale RSSMRA85T10A562S', 'RSSMRA85T10A562T'],
  ['nl-bsn', 'BSN 1112.22.333', '1112.22.334'],
  ['in-aadhaar', 'Aadhaar 2341 2341 2346', '2341 2341 2347'],
  ['br-cpf', 'CPF 529.982.247-25', '529.982.247-26'],
  ['ca-sin', 'SIN 046 454 286', '046 454 287'],
  ['au-tfn', 'TFN 123 456 782', '123 456 783'],
];

for (const [pack, text, wrong] of ids) {
  test(`${pack}: an id with its cue and a good check is redacted, and only with the pack`, () => {
    const { redact } = createRedactor({ packs: [pack] });
    assert.match(redact(text).text, /\[GOV_ID\]$/);
    assert.doesNotMatch(
      redact(text.replace(/(?<=number |DNI |sociale |fiscale |ID: |BSN |Aadhaar |CPF |SIN |TFN ).*/, wrong)).text,
      /GOV_ID/,
    );
    assert.doesNotMatch(createRedactor().redact(text).text, /GOV_ID/);
  });
}

test('numbered marks name the same value by the same number throughout a row', () => {
  const redact = createRedactor({ numbered: true }).startRow();
  assert.equal(redact('bob@x.com, ann@x.com, BOB@x.com').text, '[EMAIL_1], [EMAIL_2], [EMAIL_1]');
  assert.equal(redact('ann@x.com and eve@x.com at 415-555-2671').text, '[EMAIL_2] and [EMAIL_3] at [PHONE_1]');
  assert.equal(redact('[EMAIL_2] 415 555-2671').text, '[EMAIL_2] [PHONE_1]');
});

test('a number that a text brings along is not given to another value', () => {
  assert.equal(createRedactor({ numbered: true }).redact('[EMAIL_1] bob@x.com').text, '[EMAIL_1] [EMAIL_2]');
});

test('the version names the options that change the text', () => {
  assert.deepEqual([createRedactor().version, redactorVersion()], [redactionRules, redactionRules]);
  assert.equal(
    createRedactor({ numbered: true, packs: ['uk-nhs', 'br-cpf'] }).version,
    `${redactionRules}+numbered+br-cpf+uk-nhs`,
  );
});

test('a text with nothing to redact comes back itself', () => {
  const text = 'nothing here';
  assert.deepEqual(createRedactor().redact(text), { text, found: {} });
});

test('a long chain of numbers is redacted to its end', () => {
  for (const joint of [',', '/', ';', '\n', ', ']) {
    const { text } = createRedactor().redact(Array.from({ length: 40 }, () => '415-555-2671').join(joint));
    assert.doesNotMatch(text, /\d/, JSON.stringify(joint));
  }
});
