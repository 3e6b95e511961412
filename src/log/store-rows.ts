import type { Database } from '../database.ts';
import type { LogRow } from './row.ts';
import { storeOnce } from './store-once.ts';

export interface StoredRows {
  /** Rows that Postgres refuses for their own sake, with its code. */
  refused: { row: LogRow; code: string }[];
  /** What is left to do when Postgres went away, and why. Some of it may be stored: its answer can be lost. */
  left: LogRow[];
  code: string;
}

/** Stores a batch, halving it around rows that Postgres refuses; ends early when Postgres is away. */
export async function storeRows(db: Database, batch: readonly LogRow[], partitions: Set<string>): Promise<StoredRows> {
  const result: StoredRows = { refused: [], left: [], code: '' };
  const parts: (readonly LogRow[])[] = batch.length === 0 ? [] : [batch];
  for (let rows = parts.pop(); rows !== undefined; rows = parts.pop()) {
    const { state, code } = await storeOnce(db, rows, partitions);
    const [row] = rows;
    if (state === 'again') {
      parts.push(rows);
    } else if (state === 'away') {
      return { ...result, left: [...rows, ...parts.reverse().flat()], code };
    } else if (state === 'refused' && rows.length > 1) {
      const half = rows.length >> 1;
      parts.push(rows.slice(half), rows.slice(0, half));
    } else if (state === 'refused' && row !== undefined) {
      result.refused.push({ row, code });
    }
  }
  return result;
}
