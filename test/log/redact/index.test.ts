import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostile } from '../../../bench/redact.ts';
import { redactMessages, redactText } from '../../../src/log/redact/index.ts';

const redactions: [string, string][] = [
  ['write to bob@x.com.', 'write to [EMAIL].'],
  ["Bob <bob.o'neil+tag@mail.example.co.uk>", 'Bob <[EMAIL]>'],
  ['"john doe"@example.com', '[EMAIL]'],
  ['請联系bob@x.com', '請联系[EMAIL]'],
  ['王伟@例子.公司', '[EMAIL]'],
  ['root@[10.0.0.1]', '[EMAIL]'],
  ['to: user%40example.com', 'to: [EMAIL]'],
  ['q@w.com,r@w.com;s@w.com', '[EMAIL],[EMAIL];[EMAIL]'],
  ['call (415) 555-2671 now', 'call [PHONE] now'],
  ['415.555.2671', '[PHONE]'],
  ['1-800-555-0199', '[PHONE]'],
  ['415-555-2671 x123, please', '[PHONE], please'],
  ['415 555 2671', '[PHONE]'],
  ['415-555-2671 415-555-2672,415-555-2673/415-555-2674', '[PHONE] [PHONE],[PHONE]/[PHONE]'],
  ['415–555–2671', '[PHONE]'],
  ['my phone is 4155552671', 'my phone is [PHONE]'],
  ['tel: 5551234', 'tel: [PHONE]'],
  ['tel:+14155552671', 'tel:[PHONE]'],
  ['+1 415 555 2671 2 people', '[PHONE] 2 people'],
  ['+44 (0)20 7946 0958', '[PHONE]'],
  ['0033 1 42 68 53 00', '[PHONE]'],
  ['020 7946 0958', '[PHONE]'],
  ['0171 1234567', '[PHONE]'],
  ['01.42.68.53.00', '[PHONE]'],
  ['(02) 9876 5432', '[PHONE]'],
  ['whatsapp me at 98765 43210', 'whatsapp me at [PHONE]'],
  ['ssn:123-45-6789,', 'ssn:[SSN],'],
  ['123 45 6789 123–45–6789', '[SSN] [SSN]'],
  ['my social security number is 123456789', 'my social security number is [SSN]'],
];

test('it is importable as relearn/redact, with its types', async () => {
  const { redactText: shipped } = await import('relearn/redact');
  assert.deepEqual(shipped('write to bob@x.com').found, { EMAIL: 1 });
});

for (const [text, wanted] of redactions) {
  test(`${text} becomes ${wanted}`, () => assert.equal(redactText(text).text, wanted));
}

const harmless = [
  'order 4155552671, invoice 2023-0001-4567, parcel 112-1234567-1234567, SKU 0123-4567-8901-2345',
  '000-12-3456 666-12-3456 912-12-3456 123-00-4567 123-45-0000 are numbers nobody has',
  '2024-01-15 12:30:00, 2024-01-15T12:30:00Z, 1700000000, 01.02.2024 12.30, 01/02/2024, call 2024-01-15',
  'v1.2.3-beta.4, 10.0.19045.3803, 0.12.345.678, react@18.2.0, npm i @scope/pkg@1.2.3',
  'from 127.0.0.1 and 0.0.0.0 on ports 8080-8090 65535',
  '$1,234,567.89, EUR 1 234 567,89, 1.000.000.000, 3.14159265358979, 5+12345678',
  'id 550e8400-e29b-41d4-a716-446655440000, chatcmpl-01890a5d-ac96-774b-bcce-b302099a8057, 0x12345678',
  'ISBN 978-0-306-40615-7, card 4111 1111 1111 1112, 51.507351 -0.127758',
  'Received: from a.b (127.0.0.1) by c with ESMTP id g7MCYrZ28416; Thu, 22 Aug 2002 13:34:53 +0100',
  'http://use.perl.org/article.pl?sid=02/08/06/1234567',
  '@someone, meet me @ noon',
];

for (const text of harmless) {
  test(`"${text}" holds nothing to redact`, () => assert.equal(redactText(text).text, text));
}

test('what was found is counted by kind', () => {
  assert.deepEqual(redactText('a@b.org, c@d.org, 123-45-6789').found, { EMAIL: 2, SSN: 1 });
  assert.deepEqual(redactText('nothing').found, {});
});

test('where an address and a number overlap, nothing of either is left', () => {
  assert.equal(redactText('+1 415 555 2671.bob@x.com').text, '[EMAIL]');
});

test('every message of a conversation is redacted, roles stay', () => {
  const { messages, found } = redactMessages([
    { role: 'system', content: 'help bob@x.com' },
    { role: 'user', content: 'I am 123-45-6789 and bob@x.com' },
  ]);
  assert.deepEqual(messages, [
    { role: 'system', content: 'help [EMAIL]' },
    { role: 'user', content: 'I am [SSN] and [EMAIL]' },
  ]);
  assert.deepEqual(found, { EMAIL: 2, SSN: 1 });
});

/** A small seeded generator (mulberry32), so that a failure can be run again. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

test('redacting redacted text changes nothing', () => {
  const pieces = [
    'bob',
    '@',
    'x.com',
    '415',
    '555',
    '2671',
    '-',
    '.',
    ' ',
    '+1',
    '+44',
    '020',
    '7946',
    '0958',
    '(',
    ')',
    '/',
  ];
  pieces.push(
    '123-45-6789',
    '123',
    '45',
    '6789',
    '00',
    '0',
    '1',
    'phone ',
    'tel: ',
    'ssn ',
    'x',
    '"',
    '[',
    ']',
    ',',
    '\n',
    'é',
  );
  pieces.push(
    '4111111111111111',
    'DE89370400440532013000',
    '10.1.2.3',
    'fe80::1',
    ':',
    '1 Main St',
    ' Street',
    'sk-',
    '://',
    'a:b',
    '%40',
    '\\n',
    '\u200b',
    '\uff11',
    '\u2014',
    '请',
    '[at]',
    '?token=abcd',
  );
  pieces.push('[EMAIL]', '[PHONE]', '415-555-2671', '+14155552671', '01 42 68 53 00', 'a@b.co');
  const random = randomNumbers(7);
  for (let round = 0; round < 30_000; round += 1) {
    const length = 2 + Math.floor(random() * 12);
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('');
    const once = redactText(text).text;
    assert.equal(redactText(once).text, once, JSON.stringify(text));
  }
});

/** Squared steps would take an hour; `npm run bench -- redact` times a whole megabyte. */
const longText = 2 ** 18;

test('a long text of anything is redacted in linear time', { timeout: 300_000 }, () => {
  for (const piece of hostile) {
    const text = piece.repeat(Math.ceil(longText / piece.length));
    const once = redactText(text).text;
    assert.ok(redactText(once).text === once, JSON.stringify(piece));
  }
});

test('a text with very many doubtful numbers loses them all', () => {
  const { text } = redactText('415 555 2671\n099 9999 9999\n'.repeat(1000));
  assert.doesNotMatch(text.slice(-2000), /\d/);
});
