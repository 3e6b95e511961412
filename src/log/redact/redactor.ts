import { createChain, type ChainOptions } from './chain.ts';
import { findSpans, type Finder } from './find.ts';
import { mayHoldAny } from './fold.ts';
import { createNumbering, plainMark, type MarkOf } from './numbering.ts';
import { createPackFinders, type PackName } from './packs.ts';

/** Names the rules in force. Versions that read redacted text store it in their metadata (invariant 12). */
export const redactorVersion: string = 'relearn-redact/2';

export interface Redacted {
  text: string;
  /** How many of each kind were replaced, such as `{ EMAIL: 2 }`. */
  found: Record<string, number>;
}

export interface RedactionOptions {
  /** Government ids of other countries to look for. */
  packs?: readonly PackName[] | undefined;
  /** [EMAIL_1] instead of [EMAIL]: the same value gets the same number within a row. */
  numbered?: boolean | undefined;
  /** A second redactor, asked for what goes to the log. */
  chain?: ChainOptions | undefined;
}

export interface Redactor {
  /** `redactorVersion` and the options that change the text. */
  version: string;
  /** Redacts one text by itself. */
  redact: (text: string) => Redacted;
  /** Redacts the texts of one row: prompt, response, tool calls. They share their numbers. */
  startRow: () => (text: string) => Redacted;
  /**
   * Redacts redacted text further, by the second redactor. Throws `redactor_unavailable`: then the row must be dropped.
   * Undefined when none is configured.
   */
  chain: ((text: string) => Promise<Redacted>) | undefined;
}

/** What a replaced neighbour hid is found in the next look. Nothing written by a person needs a third. */
const maxLooks = 5;

/** A redactor as configured. Time is linear in the length of any text; redacting twice changes nothing. */
export function createRedactor(options: RedactionOptions = {}): Redactor {
  const { packs = [], numbered = false, chain } = options;
  const finders = createPackFinders(packs);
  const changes = [...(numbered ? ['numbered'] : []), ...[...packs].sort()];
  const startRow = (): ((text: string) => Redacted) => {
    const markOf = numbered ? createNumbering() : plainMark;
    return (text) => redactWith(text, finders, markOf);
  };
  return {
    version: [redactorVersion, ...changes].join('+'),
    redact: (text) => startRow()(text),
    startRow,
    chain: chain === undefined ? undefined : createChain(chain),
  };
}

function redactWith(text: string, finders: readonly Finder[], markOf: MarkOf): Redacted {
  const found: Record<string, number> = {};
  let redacted = text;
  for (let look = 0; look < maxLooks && mayHoldAny(redacted); look += 1) {
    const spans = findSpans(redacted, finders);
    if (spans.length === 0) break;
    let rest = '';
    let at = 0;
    for (const { kind, start, end } of spans) {
      rest += redacted.slice(at, start) + markOf(kind, redacted, start, end);
      found[kind] = (found[kind] ?? 0) + 1;
      at = end;
    }
    redacted = rest + redacted.slice(at);
  }
  return { text: redacted, found };
}
