import type { Redacted, Redactor } from './redact/index.ts';
import type { KeptBecause, LogRow } from './row.ts';

export interface LogTally {
  /** What was replaced, by type, such as `{ EMAIL: 2 }`. */
  redactions: Readonly<Record<string, number>>;
  /** Rows by why they were kept, or `not_sampled`. */
  sampled: Readonly<Record<string, number>>;
}

export interface LogCounts {
  /** Rows stored. */
  written: number;
  /** Rows lost, by reason. */
  dropped: Record<string, number>;
  /** Rows in memory. */
  queued: number;
  /** What waits on the disk. */
  spooled: { files: number; bytes: number; rows: number };
}

/** A redactor that was chained may name types of its own: they must not become metrics without end. */
const typeName = /^[A-Z][A-Z_]{1,31}$/;
const maxTypes = 64;

/** Counts, since the start, what is redacted and sampled. */
export function createLogTally() {
  const redactions: Record<string, number> = {};
  const sampled: Partial<Record<KeptBecause | 'not_sampled', number>> = {};

  function countType(type: string, count: number): void {
    const known = type in redactions || (typeName.test(type) && Object.keys(redactions).length < maxTypes);
    const name = known ? type : 'other';
    redactions[name] = (redactions[name] ?? 0) + count;
  }

  return {
    countFound: (found: Redacted['found']): void => {
      for (const type in found) countType(type, found[type] ?? 0);
    },
    countRow: ({ keptBecause }: Pick<LogRow, 'keptBecause'>): void => {
      const reason = keptBecause ?? 'not_sampled';
      sampled[reason] = (sampled[reason] ?? 0) + 1;
    },
    read: (): LogTally => ({ redactions: { ...redactions }, sampled: { ...sampled } }),
  };
}

/** The redactor, with what it finds told to `count`. */
export function countFound(redactor: Redactor, count: (found: Redacted['found']) => void): Redactor {
  const told = (redacted: Redacted): Redacted => {
    count(redacted.found);
    return redacted;
  };
  const { redact, startRow, chain } = redactor;
  return {
    ...redactor,
    redact: (text) => told(redact(text)),
    startRow() {
      const redactOne = startRow();
      return (text) => told(redactOne(text));
    },
    chain: chain && (async (text, turn) => told(await chain(text, turn))),
  };
}

/** Counts by name, added up. */
export function addCounts(...all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) for (const name in counts) sum[name] = (sum[name] ?? 0) + (counts[name] ?? 0);
  return sum;
}
