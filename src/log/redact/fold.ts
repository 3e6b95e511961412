/**
 * What is written in a roundabout way, such as \u0040, %40, full-width digits or odd dashes, is looked at as if written
 * plainly; what is found is cut out of the text as it was.
 */
export interface Folded {
  text: string;
  /** Where folded and original text stop running in parallel, in order. */
  shifts: readonly { folded: number; original: number }[];
}

const spaces = String.raw`\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000`;
const dashes = String.raw`\u2010-\u2013\u2015\u2043\u2212\ufe58\ufe63`;
const invisible = String.raw`\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff`;
const fullWidth = String.raw`\uff01-\uff5e`;
/** The zeros of Arabic, Persian, Devanagari, Bengali, Gurmukhi, Gujarati, Tamil, Telugu, Kannada, Malayalam, Thai. */
const zeros = [0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50];
const otherDigits = zeros.map((zero) => `${escape(zero)}-${escape(zero + 9)}`).join('');
const likes = `${spaces}${dashes}${otherDigits}${fullWidth}`;

const anchor = new RegExp(String.raw`[0-9@\uff10-\uff19\uff20${otherDigits}]`);
const anchorWords = ['[at]', '(at)', '{at}', '[AT]', '(AT)', '&commat;', '-----BEGIN', 'AKIA'];

/** Between groups of digits a plus may be the space of HTML forms; `isFormSpace` tells. */
const plus = String.raw`(?<=[0-9)A-Z/+-])\+(?=[0-9(/+-]|%28|%2F|[A-Z]{1,4}\d?)`;
/** As in ?card=4111+1111, and not in bob1+news@example.com. */
const behindField = /=[^\s"'<>&=]{1,81}$/;
const beforeSign = /^[\w.-]{0,40}(?:@|%40)/;

const maybeRoundabout = new RegExp(
  String.raw`[\\%&${likes}${invisible}]|[[({](?: ?(?:at|AT|dot|DOT) ?[\])}]|\.\])|\u3002[0-9A-Za-z]|[0-9)A-Z/-]\+[0-9(A-Z%/+-]`,
);
const roundabout = new RegExp(
  String.raw`\\{1,4}(?:u(?<unicode>[0-9a-fA-F]{4})|x(?<byte>[0-9a-fA-F]{2})|(?<letter>[nrt"'/]))` +
    String.raw`|%(?:25){0,2}(?:(?<percent>[2-7][0-9a-fA-F]|0[9aAdD])|(?<utf8>(?:[cC][2-9a-fA-F]|[dD][0-9a-fA-F])%[89abAB][0-9a-fA-F]|[eE][0-9a-fA-F]%[89abAB][0-9a-fA-F]%[89abAB][0-9a-fA-F]))` +
    String.raw`|&(?:#(?<decimal>\d{2,5})|#[xX](?<entity>[0-9a-fA-F]{2,4})|(?<name>nbsp|ensp|emsp|thinsp|commat|amp|quot|apos|lt|gt|period|hyphen|dash|ndash|mdash|minus|plus|lpar|rpar|colon|sol|shy));` +
    String.raw`|[${likes}]+|[${invisible}]+| ?[[({] ?(?<spelled>at|AT|dot|DOT) ?[\])}] ?|\[(?<point>\.)\]|(?<=[0-9A-Za-z])\u3002(?=[0-9A-Za-z])|${plus}`,
  'g',
);

const letters: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
const spellings: Record<string, string> = { at: '@', dot: '.' };
const names: Record<string, string> = {
  nbsp: ' ',
  ensp: ' ',
  emsp: ' ',
  thinsp: ' ',
  commat: '@',
  amp: '&',
  quot: '"',
  lt: '<',
  gt: '>',
  period: '.',
  hyphen: '-',
  dash: '-',
  ndash: '-',
  mdash: '\u2014',
  minus: '-',
  plus: '+',
  lpar: '(',
  rpar: ')',
  colon: ':',
  sol: '/',
  apos: "'",
  shy: '',
};
/** Typed for "." by who writes Chinese or Japanese. */
const ideographicPoint = '\u3002';
const isSpace = new RegExp(`[${spaces}]`);
const isDash = new RegExp(`[${dashes}]`);
const isInvisible = new RegExp(`[${invisible}]`);

/** Whether `text` can hold anything to redact at all: most texts end here, for the price of one scan. */
export function mayHoldAny(text: string): boolean {
  return anchor.test(text) || anchorWords.some((word) => text.includes(word));
}

/** The text as it would be written plainly. */
export function fold(text: string): Folded {
  if (!maybeRoundabout.test(text)) return { text, shifts: [] };
  const parts: string[] = [];
  const shifts: { folded: number; original: number }[] = [];
  let length = 0;
  let at = 0;
  for (const match of text.matchAll(roundabout)) {
    const [whole] = match;
    const replacement = plainMatch(match);
    parts.push(text.slice(at, match.index), replacement);
    length += match.index - at + replacement.length;
    at = match.index + whole.length;
    if (replacement.length !== whole.length) shifts.push({ folded: length, original: at });
  }
  parts.push(text.slice(at));
  return { text: parts.join(''), shifts };
}

/** Maps places of the folded text, asked for in rising order, to places of the original. */
export function createOrigin({ shifts }: Folded): (place: number) => number {
  let next = 0;
  return (place) => {
    while ((shifts[next]?.folded ?? Infinity) <= place) next += 1;
    const shift = shifts[next - 1];
    return shift === undefined ? place : shift.original + place - shift.folded;
  };
}

function plainMatch(match: RegExpExecArray): string {
  const [whole] = match;
  if (whole === '+') return isFormSpace(match.input, match.index) ? ' ' : whole;
  return whole.charCodeAt(0) < 128 ? plainly(whole, match.groups ?? {}) : plainCharacters(whole);
}

/** Looks no further than it says: in the pattern this would be done at every place of a text. */
function isFormSpace(text: string, at: number): boolean {
  return behindField.test(text.slice(Math.max(0, at - 82), at)) && !beforeSign.test(text.slice(at + 1, at + 44));
}

function plainly(whole: string, groups: Record<string, string | undefined>): string {
  const { unicode, byte, letter, percent, utf8, decimal, entity, name, spelled, point } = groups;
  if (point !== undefined) return point;
  if (letter !== undefined) return letters[letter] ?? letter;
  if (name !== undefined) return names[name] ?? whole;
  if (spelled !== undefined) return spellings[spelled.toLowerCase()] ?? whole;
  const code = unicode ?? byte ?? percent ?? entity;
  if (code !== undefined) return plainCharacter(String.fromCharCode(Number.parseInt(code, 16)));
  if (decimal !== undefined) return plainCharacter(String.fromCharCode(Number(decimal)));
  if (utf8 !== undefined) return plainCharacter(Buffer.from(utf8.replaceAll('%', ''), 'hex').toString());
  return plainCharacters(whole);
}

function plainCharacters(characters: string): string {
  let plain = '';
  for (let at = 0; at < characters.length; at += 1) plain += plainCharacter(characters.charAt(at));
  return plain;
}

function plainCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0xa0) return character;
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  if (isSpace.test(character)) return ' ';
  if (isDash.test(character)) return '-';
  if (isInvisible.test(character)) return '';
  if (character === ideographicPoint) return '.';
  const zero = zeros.find((start) => code >= start && code < start + 10);
  return zero === undefined ? character : String.fromCharCode(48 + code - zero);
}

function escape(code: number): string {
  return String.raw`\u${code.toString(16).padStart(4, '0')}`;
}
