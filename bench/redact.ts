import { redactText } from '../src/log/redact/index.ts';
import { benign, streetLine } from './redact-benign.ts';
import { hard, inProse } from './redact-contexts.ts';
import { createRandom, type Random } from './redact-random.ts';
import { makers } from './redact-values.ts';

export interface Miss {
  what: string;
  text: string;
  redacted: string;
}
export interface Recall {
  recall: number;
  misses: Miss[];
}

/** Share of values of each kind that are gone and marked by their kind, in sentences. */
export function plainRecall(random: Random, perKind: number): Record<string, Recall> {
  return Object.fromEntries(
    Object.entries(makers).map(([kind, make]) => [
      kind,
      recallOf(
        kind,
        perKind,
        () => make(random),
        (value) => inProse(value, random),
      ),
    ]),
  );
}

/** The same by the form the value is hidden in, all kinds together. */
export function hardRecall(random: Random, perForm: number): Record<string, Recall> {
  const kinds = Object.entries(makers);
  return Object.fromEntries(
    Object.entries(hard).map(([form, hide]) => {
      const parts = kinds.map(([kind, make]) =>
        recallOf(
          kind,
          perForm,
          () => make(random),
          (value) => hide(value, random),
        ),
      );
      const recall = parts.reduce((sum, part) => sum + part.recall, 0) / parts.length;
      return [form, { recall, misses: parts.flatMap((part) => part.misses) }];
    }),
  );
}

function recallOf(kind: string, count: number, make: () => string, put: (value: string) => string): Recall {
  const misses: Miss[] = [];
  for (let round = 0; round < count; round += 1) {
    const text = put(make());
    const { text: redacted } = redactText(text);
    if (!redacted.includes(`[${kind}]`) || leftover(text, redacted)) misses.push({ what: kind, text, redacted });
  }
  return { recall: 1 - misses.length / count, misses };
}

/** Whether five digits in a row (but for separators) of the text are left beside the mark: a part got away. */
function leftover(text: string, redacted: string): boolean {
  const left = redacted.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, '').replace(/\\{1,3}u[0-9a-f]{4}|%[0-9A-F]{2}/g, '');
  return /(?:\d[ .()-]{0,2}){5}/.test(left) || (text.includes('@') && /[@\uff20]/.test(left));
}

export function benignTouched(random: Random, count: number): Recall {
  const misses: Miss[] = [];
  for (let round = 0; round < count; round += 1) {
    const text = benign(random);
    const { text: redacted } = redactText(text);
    if (redacted !== text) misses.push({ what: 'benign', text, redacted });
  }
  return { recall: misses.length / count, misses };
}

export function streetRecall(random: Random, count: number): Recall {
  const misses: Miss[] = [];
  for (let round = 0; round < count; round += 1) {
    const { text, value } = streetLine(random);
    const { text: redacted } = redactText(text);
    if (!redacted.includes('[ADDRESS]') || redacted.includes(value)) misses.push({ what: 'ADDRESS', text, redacted });
  }
  return { recall: 1 - misses.length / count, misses };
}

const words =
  'the a order I have not received my since last week and support said they would call back about it but nothing happened so please check whether account is still open thank you'.split(
    ' ',
  );

/** Chat messages of some 300 characters: half without anything personal, half with one or two values. */
export function messages(random: Random, count: number): string[] {
  const kinds = Object.values(makers);
  return Array.from({ length: count }, (_, place) => {
    const parts = Array.from({ length: 52 }, () => random.pick(words));
    if (place % 4 === 1)
      parts.splice(20, 0, String(random.integer(1, 9999)), '2024-05-17', `#${random.integer(1000, 99999)}`);
    if (place % 2 === 0) parts.splice(30, 0, random.pick(kinds)(random));
    if (place % 8 === 0) parts.splice(10, 0, random.pick(kinds)(random));
    return parts.join(' ');
  });
}

/** What makes a careless pattern take minutes: a megabyte of any one of these. */
export const hostile = [
  '@',
  'a@',
  '@a.',
  'a.',
  '1',
  '1 ',
  '1-',
  '+1',
  '+1 2 ',
  '+15555555555555 ',
  '0 ',
  '00 1',
  '(415) ',
  '415-555-2671 ',
  '020 7946 0958\n',
  '415-555-267 ',
  '123-45-678 ',
  'a@b.',
  `a@${'b-'.repeat(100)}`,
  'phone me ',
  'phone 1 2 3 4 5 6 ',
  'tel........',
  '" "@',
  '\u0301',
  '\ud800@',
  '[PHONE]1',
  'ssn ',
  '4111 1111 1111 1112 ',
  '4111',
  'DE89',
  'DE89 ',
  'GB29 NWBK ',
  '1.2.3.',
  '1.2.3.4',
  '::',
  ':',
  'a:',
  'fe80::1 ',
  '1:2:3:4:5:6:7:8:',
  '\u200b',
  '1\u200b',
  '\\u0040',
  '\\',
  '\\\\n',
  '%',
  '%25',
  '%40',
  '&#64;',
  '&nbsp;',
  '[at]',
  'a [at] b [dot] ',
  '\uff11',
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n',
  'eyJ',
  'eyJhbGciOiJIUzI1NiJ9',
  'sk-',
  'sk-a1',
  'A1'.repeat(20) + ' ',
  '://a:',
  '://a:b@',
  '?token=',
  '?token=abcd&',
  '1 A',
  '1 Main ',
  '12 Oak Park ',
  '1 main ',
  '12 N ',
  'P.O. Box 1 ',
  '99 9999 9999 ',
  '098 9999 9999,',
  '98765 43210 ',
  '5551234567 ',
  'call 1',
  '1/',
  '1(',
  '(',
  '..',
  '1,',
  '\u2014',
  '1\u2014',
  '请13800138000',
  'DE89 - ',
  'DE89 - - ',
  'DE89     ',
  'KZ77 - 812W - ',
  '011 ',
  '011 44 20 ',
  '(415) - ',
  '622519 ',
  '4111 - ',
  '3056 1890 ',
  '0221 / ',
  '612 345 678 ',
  '078930 123456 ',
  'updated to ',
  'updated a b to 1.2.3.4 ',
  'sections 1.2.3.4 and ',
  'rl_0123456789abcdef_',
  `rl_0123456789abcdef_${'a'.repeat(43)}`,
  '%D0%9F',
  '%D0',
  '=1+1',
  '?a=1+',
  '=1+-+',
  '1++',
  '{"a":"1',
  '[[1](',
  '([{<1',
  'a@[',
  'a@[1.2.3.4',
  '::1%',
  'fe80:',
  'ff:ff:',
  '1 and Oak ',
  '1 of the ',
  '12 Flat ',
  'Flat 1, ',
  '1 NW ',
  'AAAA@',
  'a.a.a@',
  '@@a.b',
  '"a',
  'bearer ',
  'Bearer a1',
  'AKIA',
  'eyJhbGci.',
  'ghp_',
  '=\n',
  'ß@',
  'é.',
  '१२३',
  'password=',
  'password=a1',
  'password: a1b2c3 ',
  '"token":"',
  'secret = "a1b2c3" ',
  'basic dXNlcjpw ',
  'curl --user a:',
  'curl -u ',
  'key',
  '4111\n1111\n1111\n1112\n',
  '1\t',
  'GB29\nNWBK\n',
  'GB29_',
  'IBANDE89',
  '%B4111^',
];

export async function run(): Promise<Record<string, number>> {
  const random = createRandom(20240517);
  const plain = Object.values(plainRecall(random, 500));
  const hidden = Object.values(hardRecall(random, 100));
  const mean = (parts: readonly Recall[]): number => parts.reduce((sum, { recall }) => sum + recall, 0) / parts.length;
  return {
    ...speed(messages(random, 4000)),
    hostile_worst_s: Math.max(...hostile.map(hostileSeconds)),
    recall_joint: mean(plain),
    recall_hard: mean(hidden),
    benign_touched: benignTouched(random, 5000).recall,
    street_recall: streetRecall(random, 1000).recall,
  };
}

/** Processor seconds for a megabyte of one piece. */
export function hostileSeconds(piece: string): number {
  const text = piece.repeat(Math.ceil(1_048_576 / piece.length));
  const start = process.cpuUsage(); // what else runs on the machine is none of its doing
  redactText(text);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function speed(texts: readonly string[]): { mb_per_s: number; texts_per_s: number } {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  for (const text of texts) redactText(text); // warm
  const rounds = 10;
  const start = performance.now();
  for (let round = 0; round < rounds; round += 1) for (const text of texts) redactText(text);
  const seconds = (performance.now() - start) / 1000;
  return { mb_per_s: (bytes * rounds) / 1e6 / seconds, texts_per_s: (texts.length * rounds) / seconds };
}
