/** New JSON text for the value of a key, or edits of the members of that value (of each element, if it is an array). */
export interface Edits {
  readonly [key: string]: string | Edits;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Changes single values of a JSON object and leaves every other byte as it is: numbers too large for JavaScript, spaces
 * and unknown fields pass untouched. New values of top-level keys that are not there are added. Linear in the length.
 * Throws a SyntaxError on what is no JSON object; it does not check all of it.
 */
export function editJson(json: string, edits: Edits): string {
  const parts: string[] = [];
  let copied = 0;
  const found: string[] = [];
  const hasEscapes = json.includes('\\');

  function replace(start: number, end: number, text: string): void {
    parts.push(json.slice(copied, start), text);
    copied = end;
  }

  /** Which of the edits the key between these places is for: compared where it stands, for most keys are none of them. */
  function nameOf(start: number, end: number, inside: Edits): string | undefined {
    for (const name in inside) {
      if (end - start - 2 === name.length && json.startsWith(name, start + 1)) return name;
    }
    if (!hasEscapes) return undefined;
    const key = String(JSON.parse(json.slice(start, end)));
    return Object.hasOwn(inside, key) ? key : undefined;
  }

  function editObject(open: number, inside: Edits, isTop: boolean): number {
    let at = skipSpace(json, open + 1);
    while (json.charCodeAt(at) !== closeBrace) {
      const keyEnd = stringEnd(json, at);
      const name = nameOf(at, keyEnd, inside);
      at = skipSpace(json, keyEnd);
      if (json.charCodeAt(at) !== colon) throw unexpected(at);
      at = skipSpace(json, at + 1);
      const edit = name === undefined ? undefined : inside[name];
      const end = edit === undefined || typeof edit === 'string' ? valueEnd(json, at) : editValue(at, edit);
      if (typeof edit === 'string') replace(at, end, edit);
      if (isTop && name !== undefined) found.push(name);
      at = nextMember(json, end, closeBrace);
    }
    return at + 1;
  }

  function editValue(start: number, inside: Edits): number {
    const first = json.charCodeAt(start);
    if (first === openBrace) return editObject(start, inside, false);
    if (first !== openBracket) return valueEnd(json, start);
    let at = skipSpace(json, start + 1);
    while (json.charCodeAt(at) !== closeBracket) at = nextMember(json, editValue(at, inside), closeBracket);
    return at + 1;
  }

  const open = skipSpace(json, 0);
  if (json.charCodeAt(open) !== openBrace) throw unexpected(open);
  const end = editObject(open, edits, true);
  parts.push(json.slice(copied));
  let added = '';
  for (const key in edits) {
    const text = edits[key];
    if (typeof text !== 'string' || found.includes(key)) continue;
    added += `${added === '' ? '' : ','}${JSON.stringify(key)}:${text}`;
  }
  if (added === '') return parts.join('');
  const isEmpty = skipSpace(json, open + 1) === end - 1;
  const [head = '', ...rest] = parts;
  return ['{', added, isEmpty ? '' : ',', head.slice(open + 1), ...rest].join('');
}

/** The next member of an object or array, or its closing bracket. */
function nextMember(json: string, at: number, close: number): number {
  const next = skipSpace(json, at);
  if (json.charCodeAt(next) === comma) return skipSpace(json, next + 1);
  if (json.charCodeAt(next) === close) return next;
  throw unexpected(next);
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (json.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

/** The place after a string that begins at `start`. */
function stringEnd(json: string, start: number): number {
  if (json.charCodeAt(start) !== quote) throw unexpected(start);
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let before = at - 1;
    while (json.charCodeAt(before) === backslash) before -= 1;
    if ((at - before) % 2 === 1) return at + 1;
  }
  throw unexpected(json.length);
}

/** The place after the value that begins at `start`. */
function valueEnd(json: string, start: number): number {
  let at = start;
  let depth = 0;
  for (;;) {
    const code = json.charCodeAt(at);
    if (code === quote) at = stringEnd(json, at);
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      at += 1;
    } else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return at === start ? fail(at) : at; // the end of a number or word
      depth -= 1;
      at += 1;
    } else if (Number.isNaN(code)) throw unexpected(at);
    else if (depth === 0 && code === comma) return at === start ? fail(at) : at;
    else {
      at += 1;
      continue;
    }
    if (depth === 0) return at;
  }
}

function fail(at: number): never {
  throw unexpected(at);
}

function unexpected(at: number): SyntaxError {
  return new SyntaxError(`not a JSON object, at ${at}`);
}
