import type { Message } from '../../chat.ts';
import { redactMessage } from '../redact-message.ts';
import { findEmails } from './email.ts';
import { findPhones } from './phone.ts';
import { joinSpans } from './span.ts';
import { findSsns } from './ssn.ts';

/** Names the rules in force. Versions that read redacted text store it in their metadata (invariant 12). */
export const redactorVersion: string = 'relearn-redact/1';

export interface Redacted {
  text: string;
  /** How many of each kind were replaced, such as `{ EMAIL: 2 }`. */
  found: Record<string, number>;
}

/** Where two kinds meet, the first one here names the whole. */
const finders = [findEmails, findSsns, findPhones];

/** What a replaced neighbour hid is found in the next look. Nothing written by a person needs a third. */
const maxLooks = 5;

/**
 * Replaces personal data by its kind: [EMAIL], [SSN], [PHONE]. Time is linear in the length of any text: every pattern
 * is bounded. Redacting twice changes nothing.
 */
export function redactText(text: string): Redacted {
  const found: Record<string, number> = {};
  let redacted = text;
  for (let look = 0; look < maxLooks; look += 1) {
    const spans = joinSpans(finders.flatMap((find) => find(redacted)));
    if (spans.length === 0) break;
    const parts: string[] = [];
    let at = 0;
    for (const { kind, start, end } of spans) {
      parts.push(redacted.slice(at, start), `[${kind}]`);
      found[kind] = (found[kind] ?? 0) + 1;
      at = end;
    }
    parts.push(redacted.slice(at));
    redacted = parts.join('');
  }
  return { text: redacted, found };
}

/** The conversation with every text in it redacted, and what was found in all of it. */
export function redactMessages(messages: readonly Message[]): { messages: Message[]; found: Record<string, number> } {
  const found: Record<string, number> = {};
  const redact = (text: string) => {
    const result = redactText(text);
    for (const [kind, count] of Object.entries(result.found)) found[kind] = (found[kind] ?? 0) + count;
    return result.text;
  };
  return { messages: messages.map((message) => redactMessage(message, redact)), found };
}
