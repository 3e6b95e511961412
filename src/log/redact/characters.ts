const word = 1;
const digit = 2;
const gap = 4;
const hex = 8;
const token = 16;
const local = 32;

const classes = new Uint8Array(128);
function mark(characters: string, bit: number): void {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    classes[code] = (classes[code] ?? 0) | bit;
  }
}
const digits = '0123456789';
const lower = 'abcdefghijklmnopqrstuvwxyz';
mark(digits, word | digit | hex | token | local);
mark(lower + lower.toUpperCase(), word | token | local);
mark('_', word | token | local);
mark('-', token | local);
mark(".!#$%'*+^~", local);
mark('abcdefABCDEF', hex);
mark(' -./()', gap);

/** A long dash joins numbers, as "-" does, and parts words, as "-" does not: it is not folded to "-". */
const longDash = 0x2014;

const classOf = (code: number): number => (code < 128 ? (classes[code] ?? 0) : 0);
export const isDigit = (code: number): boolean => code >= 48 && code <= 57;
export const isHex = (code: number): boolean => (classOf(code) & hex) !== 0;
/** Part of an opaque token such as a key: letters, digits, "_" and "-". */
export const isToken = (code: number): boolean => (classOf(code) & token) !== 0;
/** What a mail address may hold before its sign. */
export const isLocal = (code: number): boolean => (classOf(code) & local) !== 0;
/** What may stand between the digits of one number. */
export const isGap = (code: number): boolean => (classOf(code) & gap) !== 0 || code === longDash;
export const isAsciiLetter = (code: number): boolean => (classOf(code) & (word | digit)) === word && code !== 95;

/** Letters of alphabets that part words by spaces. A number may touch other scripts (Chinese, Japanese, Thai). */
export function isWord(code: number): boolean {
  if (code < 128) return (classOf(code) & word) !== 0;
  return code < 0x530 && ((code >= 0xc0 && code < 0x250 && code !== 0xd7 && code !== 0xf7) || code >= 0x370);
}

const markAtEnd = /\[[A-Z]+(?:_[A-Z]+)*(?:_\d{1,6})?\]$/;
const markAtStart = /^\[[A-Z]+(?:_[A-Z]+)*(?:_\d{1,6})?\]/;
const longestMark = 24;

/**
 * Whether nothing at `start` cuts a word. A mark such as [PHONE] counts as part of a word, because the text it replaced
 * did: that keeps a second redaction from finding what the first one left.
 */
export function opens(text: string, start: number): boolean {
  if (start === 0) return true;
  const code = text.charCodeAt(start - 1);
  if (code === 95) return isEmphasis(text, start - 1, -1);
  if (isWord(code)) return false;
  return code !== 93 || !markAtEnd.test(text.slice(Math.max(0, start - longestMark), start));
}

/** Whether nothing at `end` cuts a word; see `opens`. */
export function closes(text: string, end: number): boolean {
  if (end >= text.length) return true;
  const code = text.charCodeAt(end);
  if (code === 95) return isEmphasis(text, end, 1);
  if (isWord(code)) return false;
  return code !== 91 || !markAtStart.test(text.slice(end, end + longestMark));
}

/** Markdown's _ and __ stand at the edge of a word; those of snake_case join two, and a mark is part of a word. */
function isEmphasis(text: string, place: number, step: 1 | -1): boolean {
  let at = place + step;
  if (text.charCodeAt(at) === 95) at += step;
  const code = text.charCodeAt(at);
  return !isWord(code) && code !== 91 && code !== 93;
}

const nameThatTouches = /(?<![A-Za-z0-9_])(?:ssn|tel|fax|ip|cell|phone|mobile|mob|card|visa|cc)$/i;
const nameThatFollows = /^(?:cvv|cvc|exp|bic)/i;
const longestName = 8;

/** As `opens`; what the number is may be said right before it: SSN123-45-6789, Tel030-1234567. */
export function opensOrIsNamed(text: string, start: number): boolean {
  if (opens(text, start)) return true;
  return (
    isAsciiLetter(text.charCodeAt(start - 1)) &&
    nameThatTouches.test(text.slice(Math.max(0, start - longestName), start))
  );
}

/** As `closes`; what comes next may be said right behind it: 4111 1111 1111 1111CVV 123. */
export function closesOrIsFollowed(text: string, end: number): boolean {
  return closes(text, end) || nameThatFollows.test(text.slice(end, end + 3));
}

/**
 * Whether a number at `start` goes on from what is joined to it, as in 1-800, 3.14 or AB-12. What has been `taken` up to
 * its end is no part of it: a later look would see a mark there.
 */
export function joinedBefore(text: string, start: number, taken: number): boolean {
  const joint = text.charCodeAt(start - 1);
  if (start - 1 === taken || (joint !== 45 && joint !== 46 && joint !== 47)) return false; // - . /
  const code = text.charCodeAt(start - 2);
  return isDigit(code) || (joint === 45 && isWord(code));
}

/** Whether a number that stops at `end` goes on behind a joining character. */
export function joinedAfter(text: string, end: number): boolean {
  const joint = text.charCodeAt(end);
  return (joint === 45 || joint === 46) && isDigit(text.charCodeAt(end + 1));
}
