import { sqlState, type Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { ensurePartitions, type PartitionNeed } from './insert-rows.ts';
import type { LogRow } from './row.ts';
import { writeBatch } from './write-batch.ts';

export interface StoreOutcome {
  /** `again`: at once. `away`: when Postgres takes rows again. `refused`: never, if the batch is one row. */
  state: 'stored' | 'again' | 'away' | 'refused';
  /** SQLSTATE or system error; '' when there was none. */
  code: string;
}

/** One try to store a batch, all of it or nothing. `partitions` holds the names of those known to be there. */
export async function storeOnce(db: Database, rows: readonly LogRow[], partitions: Set<string>): Promise<StoreOutcome> {
  let missing: Map<string, PartitionNeed> | undefined;
  try {
    missing = missingPartitions(rows, partitions);
    if (missing.size > 0) await ensurePartitions(db, [...missing.values()]);
    for (const name of missing.keys()) partitions.add(name);
    await writeBatch(db, rows);
    return { state: 'stored', code: '' };
  } catch (error) {
    partitions.clear();
    const code = sqlState(error);
    // Postgres reports a missing partition as a check violation: retention may have dropped one that was there.
    if (code === '23514' && missing?.size === 0) return { state: 'again', code };
    return { state: isRefused(error) ? 'refused' : 'away', code };
  }
}

function missingPartitions(rows: readonly LogRow[], known: ReadonlySet<string>): Map<string, PartitionNeed> {
  const missing = new Map<string, PartitionNeed>();
  for (const { ts, keptBecause } of rows) {
    const parent = keptBecause === null ? 'recent' : 'samples';
    if (Number.isNaN(ts.getTime())) throw new RangeError('a row without a time');
    const name = `${parent} ${Math.floor(ts.getTime() / (parent === 'samples' ? 86_400_000 : 3_600_000))}`;
    if (!known.has(name)) missing.set(name, { parent, at: ts });
  }
  return missing;
}

/**
 * Whether it is for the rows: values (SQLSTATE class 22), constraints (23) and sizes (54) that Postgres does not take, or
 * what could not even be sent. All else, a wrong password as much as a network that is down, passes or is put right.
 */
function isRefused(error: unknown): boolean {
  if (!(error instanceof RelearnError)) return true;
  if (error.code !== 'database_error') return false;
  const code = sqlState(error);
  return /^(22|23|54)/.test(code) || !/^[0-9A-Z]{5}$/.test(code);
}
