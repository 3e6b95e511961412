import type { Redactor } from '../../src/log/redact/index.ts';
import type { LogRow } from '../../src/log/row.ts';
import { createAnswerLog } from '../../src/serve/log-answer.ts';

/** The log of answers in this thread, whose rows go into memory instead of a database. */
export function openMemoryLog(redactor: Redactor) {
  const rows: LogRow[] = [];
  const dropped: string[] = [];
  const writer = {
    push: (row: LogRow) => void rows.push(row),
    drop: (reason: string) => void dropped.push(reason),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
    counts: () => ({ written: rows.length, dropped: {}, queued: 0, spooled: { files: 0, bytes: 0, rows: 0 } }),
  };
  return { log: createAnswerLog({ writer, redactor, hashKey: 'key' }), rows, dropped };
}
