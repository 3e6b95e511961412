import { createChain, type Chain, type ChainOptions } from './chain.ts';
import { findSpans, type Finder } from './find.ts';
import { mayHoldAny } from './fold.ts';
import { createNumbering, plainMark, type MarkOf } from './numbering.ts';
import { createPackFinders, type PackName } from './packs.ts';
import { versionOf } from './version.ts';

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
  /** A second redactor, asked for what the first one leaves. */
  chain?: ChainOptions | undefined;
}

export interface Redactor {
  /** Names the rules and the options that change the text; `optionsOfVersion` reads it back. */
  version: string;
  /** Redacts one text by itself. */
  redact: (text: string) => Redacted;
  /** Redacts the texts of one row: prompt, response, tool calls. They share their numbers. */
  startRow: () => (text: string) => Redacted;
  /** Undefined when no second redactor is configured. */
  chain: Chain | undefined;
}

/** What a replaced neighbour hid is found in the next look. Nothing written by a person needs a third. */
const maxLooks = 5;

/** A redactor as configured. Time is linear in the length of any text; redacting twice changes nothing. */
export function createRedactor(options: RedactionOptions = {}): Redactor {
  const { packs = [], numbered = false, chain } = options;
  const finders = createPackFinders(packs);
  const startRow = (): ((text: string) => Redacted) => {
    const markOf = numbered ? createNumbering() : plainMark;
    return (text) => redactWith(text, finders, markOf);
  };
  return {
    version: versionOf({ packs, numbered, chain }),
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
