import type { Redacted, Redactor } from './redact/index.ts';
import type { KeptBecause, LogRow } from './row.ts';

export interface LogTally {
  /** What was replaced, by type, such as `{ EMAIL: 2 }`. */
  redactions: Readonly<Record<string, number>>;
  /** Rows by why they were kept, or `not_sampled`. */
  sampled: Readonly<Record<string, number>>;
}

/** A redactor that was chained may name types of its own: they must not become metrics without end. */
const typeName = /^[A-Z][A-Z_]{1,31}$/;
const maxTypes = 64;

/**
 * Counts, since the start, what goes through a redactor and into a log writer. Use the returned `redactor` and `writer`
 * in their place.
 */
export function tallyLog<Writer extends { push(row: LogRow): Promise<void> | undefined }>(given: {
  redactor: Redactor;
  writer: Writer;
}) {
  const redactions: Record<string, number> = {};
  const sampled: Partial<Record<KeptBecause | 'not_sampled', number>> = {};

  function countType(type: string, count: number): void {
    const known = type in redactions || (typeName.test(type) && Object.keys(redactions).length < maxTypes);
    const name = known ? type : 'other';
    redactions[name] = (redactions[name] ?? 0) + count;
  }

  function count(redacted: Redacted): Redacted {
    for (const type in redacted.found) countType(type, redacted.found[type] ?? 0);
    return redacted;
  }

  const { redact, startRow, chain } = given.redactor;
  const redactor: Redactor = {
    ...given.redactor,
    redact: (text) => count(redact(text)),
    startRow() {
      const redactOne = startRow();
      return (text) => count(redactOne(text));
    },
    chain: chain && (async (text, urgent) => count(await chain(text, urgent))),
  };

  return {
    redactor,
    writer: {
      ...given.writer,
      push(row: LogRow): Promise<void> | undefined {
        const reason = row.keptBecause ?? 'not_sampled';
        sampled[reason] = (sampled[reason] ?? 0) + 1;
        return given.writer.push(row);
      },
    },
    tally: (): LogTally => ({ redactions: { ...redactions }, sampled: { ...sampled } }),
  };
}
