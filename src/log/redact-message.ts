import { plainMessage, type Message, type Part } from '../chat.ts';

export type RedactText = (text: string) => string;

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** What stands for a part that holds no text. */
const markers: Record<string, string> = { image_url: '[IMAGE]', input_audio: '[AUDIO]', file: '[FILE]' };

/**
 * A message with every text in it redacted: name, parts, and the arguments of tool calls down to the last string.
 * Pictures, sounds and files become a marker; fields that are not known are left out. Text parts alone become one text.
 */
export function redactMessage(message: Message, redact: RedactText): Message {
  const { content, name, refusal, tool_calls: calls, tool_call_id: callId, function_call: call } = message;
  return plainMessage({
    role: roles.has(message.role) ? message.role : redact(message.role),
    content:
      content === null || typeof content === 'string' ? redactOrNull(content, redact) : redactParts(content, redact),
    name: redactOrNull(name, redact),
    refusal: redactOrNull(refusal, redact),
    tool_calls: calls?.map((entry) => redactJson(entry, redact)),
    tool_call_id: redactOrNull(callId, redact),
    function_call: redactJson(call, redact),
  });
}

function redactOrNull(text: string | null | undefined, redact: RedactText): string | null {
  return text == null ? null : redact(text);
}

function redactParts(parts: readonly Part[], redact: RedactText): string | Part[] {
  if (parts.every(({ type, text }) => type === 'text' && typeof text === 'string')) {
    return redact(parts.map(({ text }) => String(text)).join(''));
  }
  return parts.map(({ type, text, refusal }) => {
    const said = type === 'text' ? text : type === 'refusal' ? refusal : undefined;
    const marker = Object.hasOwn(markers, type) ? markers[type] : '[PART]';
    return { type: 'text', text: typeof said === 'string' ? redact(said) : marker };
  });
}

/**
 * A JSON value with every string, key and number redacted. A string that is itself JSON, as the arguments of a tool
 * call are, stays JSON. A member is read behind its key, which may say what it is: `{"phone":4155552671}`.
 */
export function redactJson(value: unknown, redact: RedactText, key = ''): unknown {
  if (typeof value === 'string') return redactNested(value, redact, key);
  if (typeof value === 'number') {
    const digits = String(value);
    const redacted = redactMember(digits, redact, key);
    return redacted === digits ? value : redacted;
  }
  if (Array.isArray(value)) return value.map((entry: unknown) => redactJson(entry, redact, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [redact(name), redactJson(entry, redact, name)]),
  );
}

function redactMember(text: string, redact: RedactText, key: string): string {
  if (key === '') return redact(text);
  const label = `${key}: `;
  const labelled = redact(label + text);
  return labelled.startsWith(label) ? labelled.slice(label.length) : redact(text);
}

function redactNested(text: string, redact: RedactText, key: string): string {
  if (!/^\s*[[{]/.test(text)) return redactMember(text, redact, key);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return redactMember(text, redact, key); // cut short, or a text that only begins like JSON
  }
  return JSON.stringify(redactJson(parsed, redact));
}

/** How far back an identifier that was cut short may begin. */
const longestTail = 200;

/** The end of a text that may be the beginning of an identifier: digits in groups, a word with @ or digits, a long word. */
const unfinished = /(?:[+(]?\d[\d\s().\/-]*|\S*[@\d]\S*|\S{16,})$/;

/** Redacts a text that was cut off: what may be half an identifier at its end, and could not be told, becomes [CUT]. */
export function redactCutOff(text: string, redact: RedactText): string {
  const redacted = redact(text);
  const start = Math.max(0, redacted.length - longestTail);
  const tail = redacted.slice(start);
  return `${redacted.slice(0, start)}${tail.replace(unfinished, '[CUT]')}`;
}
