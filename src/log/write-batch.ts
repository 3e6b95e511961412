import { sqlState, type Database } from '../database.ts';
import { copyRows } from './copy-rows.ts';
import { insertRows, tagPostDrift } from './insert-rows.ts';
import { addToMinutes, countRequest, type MinuteCount } from './minutes.ts';
import type { LogRow } from './row.ts';

/**
 * Stores rows and counts them in one transaction. Rows that are there already, as after an answer of Postgres that was
 * lost, are neither stored nor counted again.
 */
export async function writeBatch(db: Database, rows: readonly LogRow[]): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      await copyRows(tx, rows);
      await tagPostDrift(tx, rows);
      await addToMinutes(tx, countRows(rows));
    });
  } catch (error) {
    if (sqlState(error) !== '23505') throw error;
    await db.transaction(async (tx) => addToMinutes(tx, countRows(await insertRows(tx, rows))));
  }
}

function countRows(rows: readonly LogRow[]): Map<string, MinuteCount> {
  const counts = new Map<string, MinuteCount>();
  for (const row of rows) countRequest(counts, row, 'stored');
  return counts;
}
