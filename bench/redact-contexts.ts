import type { Random } from './redact-random.ts';

const prose = [
  'Please write to {} today.',
  'My details: {}',
  '{}',
  'You can use {}, thanks!',
  'It is {} and not the other one',
  '({}) is what I was given.',
  'Ignore the last one; {}; we are done',
  'Hi,\n\n{}\n\nBest, Tom',
  'the customer left "{}" as a reference',
  "it's {}.",
  'old: {} new: unknown',
  'user said {} twice',
  '- {}\n- none',
  '| {} | yes |',
  '<b>{}</b>',
  '2024-05-17 10:22:31 INFO handler got {} from form',
  'key={};',
  '[{}]',
  'value:{}',
];

/** Ordinary sentences, letters and chats. */
export function inProse(value: string, random: Random): string {
  return random.pick(prose).replace('{}', () => value);
}

/** Forms that keep pattern matchers from seeing what is there. Each says what it is called. */
export const hard: Record<string, (value: string, random: Random) => string> = {
  json: (value) => JSON.stringify({ id: 7, note: `see\n${value}\n"ok"` }),
  jsonInJson: (value) => JSON.stringify({ payload: JSON.stringify({ value, next: `a\t${value}` }) }),
  jsonUnicode: (value) =>
    `{"v":"${value.replace(/[^A-Za-z0-9]/g, (sign) => String.raw`\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)}"}`,
  url: (value, random) =>
    `https://app.example.com/${random.pick(['find?q=', 'x?a=1&v=', 'u/'])}${encodeURIComponent(value)}${random.pick(['', '&b=2', '#top'])}`,
  form: (value) => `name=x&value=${new URLSearchParams({ v: value }).toString().slice(2)}&ok=1`,
  chinese: (value, random) =>
    random.pick(['请联系{}谢谢', '我的资料是{}，请查收。', '信息：{}。', '用户{}已登录']).replace('{}', () => value),
  japanese: (value, random) =>
    random.pick(['登録は{}です。', '連絡先「{}」まで', 'これ{}を確認']).replace('{}', () => value),
  korean: (value) => `제 정보는 ${value}입니다`,
  dashes: (value, random) =>
    inProse(
      value.replaceAll(
        '-',
        random.pick(['\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212', '\ufe63', '\uff0d']),
      ),
      random,
    ),
  spaces: (value, random) =>
    inProse(value.replaceAll(' ', random.pick(['\u00a0', '\u202f', '\u2009', '\u3000', '\u2007'])), random),
  fullWidth: (value, random) =>
    inProse(
      value.replace(/[0-9@.+-]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0)),
      random,
    ),
  invisible: (value, random) =>
    inProse(value.replace(/(?<=.{3})/su, random.pick(['\u200b', '\u200d', '\u2060', '\ufeff', '\u00ad'])), random),
  html: (value) => `<td>${value.replaceAll('@', '&#64;').replaceAll(' ', '&nbsp;')}</td>`,
};
