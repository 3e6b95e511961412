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
  const { result, found } = redactTexts((redact) => messages.map((message) => redactMessage(message, redact)));
  return { messages: result, found };
}

/** What `rewrite` makes of texts, each put through what it is given, and what was found in all of them. As `redactText`. */
export function redactTexts<Result>(rewrite: (redact: RedactText) => Result): {
  result: Result;
  found: Record<string, number>;
} {
  const found: Record<string, number> = {};
  const redactOne = inForce.startRow();
  const result = rewrite((text) => {
    const redacted = redactOne(text);
    for (const [kind, count] of Object.entries(redacted.found)) found[kind] = (found[kind] ?? 0) + count;
    return redacted.text;
  });
  return { result, found };
}

/**
 * Redacts what is to be stored, by the second redactor too where one is configured. `rewrite` puts each text through
 * what it is given, and may run more than once. Throws `redactor_unavailable`.
 */
export async function redactToStore<Result>(rewrite: (redact: RedactText) => Result): Promise<Result> {
  return redactRow(inForce, rewrite);
}
