import { redactText } from '../src/log/redact/index.ts';
import { formatMakers } from './redact-formats-values.ts';
import { secretForms, secretless } from './redact-formats-secrets.ts';
import { createRandom } from './redact-random.ts';

/*
 * A third held-out set, written before the redactor was tried on it: values as configuration, code, tables, queries and
 * requests hold them, written by generators of its own (phones by libphonenumber's own formatter). The first look, at
 * seed 77: of 828 values 83 % by kind (mails, phones, SSNs and IP addresses all, cards 54 %, IBANs 43 %), of 117 secrets
 * 54 %, of 206 benign texts none touched. What it showed was mended by its causes: groups parted by tabs, "_" and ends
 * of lines, magnetic stripes, and secrets that only their names give away.
 */
const contexts: Record<string, readonly string[]> = {
  config: [
    'owner:\n  name: Jo\n  ref: {}\n  id: 9',
    '- {}\n- other\n',
    "contacts: ['{}', 'none']",
    '[owner]\nref = "{}"\ndob = 1979-05-27',
    'ref = {} ; was empty\n[next]',
    '# {}\nDEBUG=1',
    'OWNER_REF="{}"\nPORT=80',
    'resource "x" "y" {\n  owner = "{}"\n}',
    '<user ref="{}" active="1"/>',
    '<ref><![CDATA[{}]]></ref>',
  ],
  code: [
    "UPDATE users SET ref = '{}' WHERE id = 12;",
    "INSERT INTO c (id, ref) VALUES (1, '{}'), (2, NULL);",
    "SELECT 1 FROM c WHERE ref IN ('{}','n/a') LIMIT 5",
    'customer = {"ref": "{}", "n": 3}',
    ":ref => '{}', :n => 1",
    'Customer{ref={}, tier=GOLD}',
    'var c = new C("{}", 5);',
    'assertEquals("{}", c.ref());',
    '// owner {}\nreturn 0;',
    'mutation { add(ref: "{}") { id } }',
  ],
  tables: [
    '+----+------+\n| id | ref |\n+----+------+\n|  1 | {} |\n+----+------+',
    ' id |   ref    | n\n----+----------+---\n  7 | {} | 2',
    '1;Jo Doe;{};Berlin',
    'Jo\t{}\tBerlin',
    '"1","Jo","{}","x"',
    '<td>1</td><td>{}</td><td>x</td>',
    '| Jo | `{}` | yes |',
    'Jo Doe      {}      active',
  ],
  requests: [
    'ts=2026-01-02T03:04:05Z level=info ref="{}" took=3ms',
    'POST /x HTTP/1.1\r\nHost: x.example\r\nX-Ref: {}\r\n\r\n',
    `curl -d '{"ref":"{}"}' https://x.example`,
    '{"rows":[[1,"{}"],[2,""]],"total":2}',
    '{"text":"old: {}\\nnew: none"}',
    'at App.run (app.js:10:5) caused by: bad ref {}',
    'N:Doe;Jo;;;\r\nX-REF:{}\r\nEND:VCARD',
    'lookup{ref="{}",zone="a"} 1',
  ],
  tongues: [
    'Моя запись: {}, проверьте пожалуйста',
    'Τα στοιχεία μου είναι {} ευχαριστώ',
    'بياناتي هي {} شكرا',
    'הפרטים שלי {} תודה',
    'मेरा विवरण {} है',
    'Thông tin của tôi là {} nhé',
    'Bilgilerim: {} teşekkürler',
    'Moje dane to {}, dzięki',
    '我的資料係{}，唔該',
    'こちら{}になります',
  ],
};

const benignForms = [
  'postgres:16.{1}-alpine3.1{1}',
  'version = "0.{1}.d"\nedition = "2021"',
  'apiVersion: v1\nreplicas: {1}\nport: 80{1}0',
  'sha256:hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh',
  'commit hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh (HEAD -> main)',
  'index hhhhhhh..hhhhhhh 100644',
  '@@ -{1}d,{1} +{1}d,d @@ fn main()',
  'id: 01J{1}ZC{1}K3N4P5Q6R7S8T9V0W',
  'snowflake 1{1}dddddddddddddddd',
  'order_no: "{1}ddd-dddd-dddd"',
  "INSERT INTO t VALUES ({1}ddd, {1}ddddd, 'ok', 0.{1}d);",
  "created_at BETWEEN '2026-01-0{1} 00:00:00' AND '2026-02-0{1} 12:30:45'",
  'arn:aws:iam::aws:policy/ReadOnlyAccess',
  'std::vector<std::pair<int, long>> v({1}d);',
  'a::b::c{1}, Foo::BAR, x: :y',
  '12:3{1}:45.{1}dd --> 12:3{1}:47.{1}dd',
  'mac 02:42:ac:11:00:0{1}',
  '@app.route("/x{1}")\ndef x(): pass',
  '@Override public int hashCode() { return {1}ddd; }',
  'npm i left-pad@1.{1}.0 @types/node@22.{1}.1',
  'git@github.com:acme/app.git',
  'cc @maria and @tom_{1}',
  'actions/checkout@v4',
  'def f(x: int = {1}ddd, *, y=0.{1}) -> None:',
  'C{1}H{1}O{1}, 22.{1}9 g/mol',
  'IMEI {1}5 209900 176148 {1}',
  'lat: 48.85{1}6, lon: 2.35{1}2',
  'EUR 1.{1}34,50 / USD {1},345.00',
  '<path d="M10 {1}0 L 20 30 C 40.5 50.25 60 70 80 90"/>',
  'rgba({1}2, 45, 67, 0.{1}) 1{1}px solid',
  '[{1}.12, 0.34, -0.56, 0.78, 1.0]',
  '0.0.0.0/0 and ::/0 and ::1',
  'net 127.0.0.1:54{1}2 LISTEN',
  'bits 1010 1100 0011 0101',
  'ISO 8601: P3Y6M{1}DT12H30M5S',
  'cron: "*/{1} 2 1-5 * *"',
  'part no. 4{1}-1234-56-A',
  'batch LOT{1}dddddd exp 2027-0{1}',
  'GTIN 40{1}dddddddddd',
  'EPSG:4326 zoom {1}',
  'tensor of shape (32, 3, 224, 22{1})',
  'Python 3.1{1}.2 (main, Jan 1 2026, 10:00:00) [GCC 13.2.0]',
  '$ {1}9.99 x 12 = ${1}19.88',
  'call stack depth {1}00 exceeded',
  'phone number field is empty (max 15 digits)',
  'card layout 4 x 4, 16 slots',
  'row {1}: 10 20 30 40 50 60',
  'km 12+{1}00, A{1} southbound',
  'Windows NT 10.0; Win64; x64) Chrome/12{1}.0.0.0',
  'ELF 64-bit LSB, BuildID[sha1]=hhhhhhhhhhhhhhhhhhhh',
  'uid=100{1}(jo) gid=100{1}',
  '-rw-r--r-- 1 jo jo {1}dddd Jan 12 10:1{1} a.txt',
  'MemTotal: 16{1}dddd kB',
  'tcp 0 0 *:80{1}0 *:* LISTEN {1}dddd/node',
  'x^2 + {1}x - 1{1} = 0',
  'HTTP 429 retry-after: {1}0',
  'call_id: call_{1}hhhhhhhhhhhhhhhhhhhh',
  'chatcmpl-9hhhhhhhhhhhhhhhhhhhhhhhhhh',
];

export interface Formats {
  recall: Record<string, number>;
  contexts: Record<string, number>;
  secrets: number;
  benign: number;
  cases: { plain: number; secrets: number; benign: number };
  misses: string[];
}

/** `perCell` cases of each kind in each context, of each form of secret and of each benign form. */
export function formats(seed: number, perCell: number): Formats {
  const random = createRandom(seed);
  const misses: string[] = [];
  const judge = (kind: string, text: string, good: (redacted: string) => boolean): boolean => {
    const redacted = redactText(text).text;
    if (!good(redacted)) misses.push(`${kind}: ${JSON.stringify(text)} -> ${JSON.stringify(redacted)}`);
    return good(redacted);
  };
  const share = (results: readonly { good: boolean }[]): number =>
    results.filter(({ good }) => good).length / results.length;
  const times = <Result>(make: () => Result): Result[] => Array.from({ length: perCell }, make);

  const plain = Object.entries(contexts).flatMap(([room, forms]) =>
    forms.flatMap((form) =>
      Object.entries(formatMakers).flatMap(([kind, make]) =>
        times(() => {
          const value = make(random);
          const good = judge(
            kind,
            form.replace('{}', () => value),
            (redacted) => isGone(kind, value, redacted),
          );
          return { room, kind, good };
        }),
      ),
    ),
  );
  const secrets = Object.values(secretForms).flatMap((make) =>
    times(() => {
      const [secret, text] = make(random);
      return { good: judge('SECRET', text, (redacted) => redacted.includes('[SECRET]') && !redacted.includes(secret)) };
    }),
  );
  const benign = [...times(() => benignForms.map((form) => random.fill(form))).flat(), ...secretless].map((text) => ({
    good: judge('benign', text, (redacted) => redacted === text),
  }));
  return {
    recall: by(plain, ({ kind }) => kind, share),
    contexts: by(plain, ({ room }) => room, share),
    secrets: share(secrets),
    benign: 1 - share(benign),
    cases: { plain: plain.length, secrets: secrets.length, benign: benign.length },
    misses,
  };
}

/** The mark is there, and neither four digits in a row of the value nor its sign. */
function isGone(kind: string, value: string, redacted: string): boolean {
  if (!redacted.includes(`[${kind}]`)) return false;
  if (kind === 'EMAIL') return !redacted.includes('@');
  if (kind === 'IP') return !/(?:\d{1,3}\.){3}\d|[0-9a-f]{4}:[0-9a-f]{4}|::[0-9a-f]{4}/i.test(redacted);
  const [number = ''] = /[\d+(][\d ()./_\\nt\s-]{6,}/.exec(value) ?? [];
  const left = redacted.match(/\d{4,}/g) ?? [];
  return !left.some((run) => number.replace(/\D/g, '').includes(run) && run !== '1979' && run !== '2026');
}

function by<Row>(rows: readonly Row[], of: (row: Row) => string, share: (rows: readonly Row[]) => number) {
  return Object.fromEntries(
    [...new Set(rows.map(of))].map((key) => [key, share(rows.filter((row) => of(row) === key))]),
  );
}
