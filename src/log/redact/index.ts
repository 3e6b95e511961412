import type { Message } from '../../chat.ts';
import { findEmails } from './email.ts';

/** A stretch of text, in UTF-16 units, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** Names the rules in force. Versions that read redacted text store it in their metadata (invariant 12). */
export const redactorVersion: string = 'relearn-redact/1';

export interface Redacted {
  text: string;
  /** How many of each kind were replaced, such as `{ EMAIL: 2 }`. */
  found: Record<string, number>;
}

/** Replaces personal data by its kind in brackets. Linear in the length of the text; redacting twice changes nothing. */
export function redactText(text: string): Redacted {
  const found: Record<string, number> = {};
  let redacted = '';
  let at = 0;
  for (const { start, end } of findEmails(text)) {
    redacted += `${text.slice(at, start)}[EMAIL]`;
    found['EMAIL'] = (found['EMAIL'] ?? 0) + 1;
    at = end;
  }
  return { text: redacted + text.slice(at), found };
}

/** The conversation with every text in it redacted. */
export function redactMessages(messages: readonly Message[]): {
  messages: Message[];
  found: Record<string, number>;
} {
  const found: Record<string, number> = {};
  const redacted = messages.map((message) => {
    const content = redactText(message.content);
    for (const [kind, count] of Object.entries(content.found)) found[kind] = (found[kind] ?? 0) + count;
    return { ...message, content: content.text };
  });
  return { messages: redacted, found };
}
