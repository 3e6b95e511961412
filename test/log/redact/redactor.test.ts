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
  [`Authorization: Bearer ${token}`, 'Authorization: Bearer [SECRET]'],
  ['postgres://app:hunter2@db.example.com/x', 'postgres://[SECRET]@db.example.com/x'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nbye', '[SECRET]\nbye'],
  [String.raw`{"to":"bob\u0040x.com","n":"hi\nann@x.com"}`, String.raw`{"to":"[EMAIL]","n":"hi\n[EMAIL]"}`],
  ['bob [at] example [dot] com', '[EMAIL]'],
  ['１２３－４５－６７８９', '[SSN]'],
  ['4111\u200b1111\u200b1111\u200b1111', '[CREDIT_CARD]'],
  ['电话13800138000谢谢', '电话[PHONE]谢谢'],
  ['?tel=%2B49+30+901820&x=1', '?tel=[PHONE]&x=1'],
];

for (const [text, wanted] of kinds) {
  test(`${text.slice(0, 50)} is known for what it is`, () => assert.equal(createRedactor().redact(text).text, wanted));
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
