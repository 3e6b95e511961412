import type { Message } from '../../chat.ts';
import { redactMessage, type RedactText } from '../redact-message.ts';
import { createRedactor, type Redacted, type RedactionOptions, type Redactor } from './redactor.ts';
import { redactRow } from './redact-row.ts';

let inForce = createRedactor();

/**
 * Sets the redactor of this process as configured, where the configuration is read. One for the whole process: no
 * entrance of text can then be given another, or none.
 */
export function useRedaction(options: RedactionOptions): void {
  inForce = createRedactor(options);
}

export const redactorInForce = (): Redactor => inForce;

/** Names the redactor of this process. Versions that read redacted text store it in their metadata (invariant 12). */
export const redactorVersion = (): string => inForce.version;

/**
 * Replaces personal data and secrets by their kind: [EMAIL], [PHONE], [SSN], [CREDIT_CARD], [IBAN], [IP], [ADDRESS],
 * [SECRET]. A text without any comes back itself. Does not ask the second redactor: for words that are compared as
 * they are, such as tags, and for text that is stored already.
 */
export function redactText(text: string): Redacted {
  return inForce.redact(text);
}

/** The conversation with every text in it redacted, and what was found in all of it. As `redactText`. */
export function redactMessages(messages: readonly Message[]): { messages: Message[]; found: Record<string, number> } {
  const found: Record<string, number> = {};
  const redactOne = inForce.startRow();
  const redact = (text: string) => {
    const result = redactOne(text);
    for (const [kind, count] of Object.entries(result.found)) found[kind] = (found[kind] ?? 0) + count;
    return result.text;
  };
  return { messages: messages.map((message) => redactMessage(message, redact)), found };
}

/**
 * Redacts what is to be stored, by the second redactor too where one is configured. `rewrite` puts each text through
 * what it is given, and may run more than once. Throws `redactor_unavailable`.
 */
export async function redactToStore<Result>(rewrite: (redact: RedactText) => Result): Promise<Result> {
  return redactRow(inForce, rewrite);
}
