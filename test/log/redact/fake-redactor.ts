import { redactionRules, type Redacted, type Redactor } from '../../../src/log/redact/index.ts';

/** A redactor of a test's own making, without options. */
export function redactorOf(redact: (text: string) => Redacted): Redactor {
  return { version: redactionRules, redact, startRow: () => redact, chain: undefined };
}
