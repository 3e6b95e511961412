import type { Span } from './span.ts';

/** What the name of a secret holds: most texts end here. */
const maybeNamed = /pass|pw|secret|token|key|auth|basic |curl/i;

/** What assigns: JSON, YAML, headers, .env files, flags, Ruby, Go, Kubernetes. */
const assigns = String.raw`\\?["']?\]?(?: {0,3}(?::=|=>|[:=]) {0,3}|\n {0,8}value: | (?:is|was)(?: now)?:? )`;
const password = String.raw`passw(?:or)?d|passphrase|passwort|contraseña|(?<![a-z])pwd?`;
const key = String.raw`(?:api|secret|access|account|private|signing|encryption|master|auth|service)[_ -]?key|secret(?:[_-]?access)?(?:[_-]?key)?`;
const token = String.raw`(?<!(?:next|page|sync|cursor|continuation|start|stop|pad|mask|prompt)[_-]?)token|authorization`;
const scheme = String.raw`(?:(?:token|bearer|apikey|api-key|key) )?`;
const named = new RegExp(
  String.raw`(?:${password}|${key}|(?<token>${token}))${assigns}(?<quote>\\?["'])?${scheme}`,
  'gi',
);
const quotedValue = /[^\s"'\\]*/y;
const bareValue = /[^\s"'\\,;&<>(){}[\]|]*/y;

const basic = /(?<![a-z])basic {1,2}(?<encoded>[A-Za-z0-9+/]{8,1024}={0,2})/gi;
const curlUser = /(?:\s-u|--(?:proxy-)?user)[ =]{0,2}["']?[^\s:"'$]{1,64}:(?<word>[^\s"']{4,256})/g;

/** The shortest value of a name that harmless things bear, too. */
const longToken = 16;

/** Secrets known by their names alone: password=…, "client_secret": "…", Authorization: Basic …, curl -u joe:… */
export function findNamedSecrets(text: string, spans: Span[]): void {
  if (!mayAssign(text) || !maybeNamed.test(text)) return;
  findAssigned(text, spans);
  for (const { groups, index, 0: whole } of text.matchAll(basic)) {
    const encoded = groups?.encoded ?? '';
    if (isUserAndPassword(encoded)) addEnd(spans, index + whole.length, encoded);
  }
  if (!text.includes('curl')) return;
  for (const { groups, index, 0: whole } of text.matchAll(curlUser)) {
    const word = groups?.word ?? '';
    if (isOpaque(word, true)) addEnd(spans, index + whole.length, word);
  }
}

function mayAssign(text: string): boolean {
  return text.includes(':') || text.includes('=') || text.includes('asic ') || text.includes('word is ');
}

function findAssigned(text: string, spans: Span[]): void {
  named.lastIndex = 0;
  for (let match = named.exec(text); match !== null; match = named.exec(text)) {
    const { quote, token: isToken } = match.groups ?? {};
    const isQuoted = quote !== undefined;
    const pattern = isQuoted ? quotedValue : bareValue;
    pattern.lastIndex = named.lastIndex;
    const value = pattern.exec(text)?.[0] ?? '';
    const end = named.lastIndex + value.length;
    named.lastIndex = end; // what was read once is not read again: time stays linear
    const next = text.charAt(end);
    if (isQuoted ? !/["'\\]/.test(next) : /[([{<]/.test(next)) continue;
    if (isOpaque(value, isQuoted) && (isToken === undefined || value.length >= longToken)) addEnd(spans, end, value);
  }
}

function addEnd(spans: Span[], end: number, secret: string): void {
  spans.push({ kind: 'SECRET', start: end - secret.length, end });
}

/** RFC 7617 */
function isUserAndPassword(encoded: string): boolean {
  return /^[\x20-\x7e]{1,128}:[\x20-\x7e]/.test(Buffer.from(encoded, 'base64').toString('latin1'));
}

/**
 * Whether somebody made the value up: letters and digits, and neither code (user2.password), a file (key1.pem), a place
 * for a value (${DB_PASSWORD_1}, your-key-1) nor a mark.
 */
function isOpaque(value: string, isQuoted: boolean): boolean {
  if (value.length < 6 || !/\d/.test(value) || !/[A-Za-z]/.test(value)) return false;
  if (/^(?:[$<{[%*]|your|my[-_]|xxx|example)/i.test(value) || /\[[A-Z_]+(?:_\d+)?\]|:\/\//.test(value)) return false;
  if (/\.(?:pem|key|crt|txt|json|ya?ml)$/.test(value)) return false;
  return isQuoted || !/^[A-Za-z_]\w{0,63}(?:\.[A-Za-z_]\w{0,63}){1,16}$/.test(value);
}
