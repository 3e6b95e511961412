import type { Message } from '../../chat.ts';
import { redactMessage } from '../redact-message.ts';
import { createRedactor, type Redacted } from './redactor.ts';

export { packNames, type PackName } from './packs.ts';
export { createRedactor, redactorVersion, type Redacted, type RedactionOptions, type Redactor } from './redactor.ts';

const standard = createRedactor();

/**
 * Replaces personal data and secrets by their kind: [EMAIL], [PHONE], [SSN], [CREDIT_CARD], [IBAN], [IP], [ADDRESS],
 * [SECRET]. A text without any comes back itself.
 */
export function redactText(text: string): Redacted {
  return standard.redact(text);
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
