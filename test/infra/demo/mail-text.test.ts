import assert from 'node:assert/strict';
import test from 'node:test';
import { readMailPrompt } from '../../../infra/demo/mail-text.ts';

const mail = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1');

test('a plain mail becomes its subject and its text, with white space folded', async () => {
  const raw = mail('From: a@example.org', 'Subject: =?iso-8859-1?Q?Caf=E9?=  today', '', 'one', '', '  two\tthree', '');
  assert.equal(await readMailPrompt(raw), 'Café today\none two three');
});

test('all text parts of a mail are joined, HTML without its tags, scripts, styles and addresses of links', async () => {
  const raw = mail(
    'Subject: Both',
    'MIME-Version: 1.0',
    'Content-Type: multipart/alternative; boundary="cut"',
    '',
    '--cut',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'the plain part',
    '--cut',
    'Content-Type: text/html; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '<html><style>b {color: red}</style><script>alert(1)</script><body><b>the</b> <a href=3D"http://x.example/">Stra=DFe</a>' +
      ' &amp; more<img src=3D"http://x.example/i.gif" alt=3D"picture"></body></html>',
    '--cut--',
    '',
  );
  assert.equal(await readMailPrompt(raw), 'Both\nthe plain part the Straße & more');
});

test('HTML that calls itself plain text is stripped too, and a plain "<" is left alone', async () => {
  const html = mail('Subject: S', 'Content-Type: text/plain', '', '<HTML><BODY><p>Buy <b>now</b></p></BODY></HTML>');
  assert.equal(await readMailPrompt(html), 'S\nBuy now');
  const plain = mail('Subject: S', '', 'if a < b and b > c then <stop>');
  assert.equal(await readMailPrompt(plain), 'S\nif a < b and b > c then <stop>');
});

test('only the first 1,500 characters of text are kept, and none is cut in two', async () => {
  const raw = Buffer.from(`Subject: Long\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${'😀'.repeat(2000)}`);
  assert.equal(await readMailPrompt(raw), `Long\n${'😀'.repeat(1500)}`);
});

test('an unknown charset, an open boundary and bytes of no character give the text that can be read', async () => {
  const raw = mail(
    'Subject: Broken',
    'Content-Type: multipart/mixed; boundary="never closed"',
    '',
    '--never closed',
    'Content-Type: text/plain; charset="x-no-such-charset"',
    '',
    'before \x00\x07\x81 after',
  );
  const prompt = await readMailPrompt(raw);
  assert.match(prompt, /^Broken\nbefore .*after$/s);
  assert.doesNotMatch(prompt.replace('\n', ''), /\p{Cc}/u);
});

test('what holds no text gives an empty prompt', async () => {
  assert.equal(await readMailPrompt(new Uint8Array()), '');
  assert.equal(
    await readMailPrompt(mail('Content-Type: image/gif', 'Content-Transfer-Encoding: base64', '', 'R0lGODlh')),
    '',
  );
});
