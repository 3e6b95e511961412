import { sqlState, type Database } from '../database.ts';
import { storeTally } from './minutes.ts';
import type { Spool } from './spool/spool.ts';
import { storeRows, type StoredRows } from './store-rows.ts';

export interface ReplayOptions {
  db: Database;
  spool: Spool;
  partitions: Set<string>;
  /** Told when a file is stored and gone. */
  onStored: (rows: number, refused: StoredRows['refused'], unreadable: number) => void;
}

const batchRows = 1000;

/**
 * Stores the files of the spool, the best and oldest first, and removes each once it is stored. A file that was stored
 * and not removed is stored again, which changes nothing. Answers the code of what Postgres is away for; '' at the end.
 */
export async function replaySpool({ db, spool, partitions, onStored }: ReplayOptions): Promise<string> {
  for (let file = await spool.next(); file !== undefined; file = await spool.next()) {
    try {
      const { rows, tallies, unreadable } = await spool.read(file);
      const refused: StoredRows['refused'] = [];
      for (let at = 0; at < rows.length; at += batchRows) {
        const stored = await storeRows(db, rows.slice(at, at + batchRows), partitions);
        refused.push(...stored.refused);
        if (stored.left.length > 0) {
          spool.putOff(file);
          return stored.code || 'unknown';
        }
      }
      for (const { id, counts } of tallies) await storeTally(db, id, keyed(counts));
      await spool.remove(file);
      onStored(rows.length - refused.length, refused, unreadable);
    } catch (error) {
      spool.putOff(file);
      throw error;
    }
  }
  return '';
}

const keyed = <Count>(counts: readonly Count[]) => new Map(counts.map((count, index) => [String(index), count]));

export interface FollowSpoolOptions extends Omit<ReplayOptions, 'spool'> {
  /** Left out: nothing is ever spooled. */
  spool: Spool | undefined;
  away: () => boolean;
  /** Told the code of what Postgres is away for. */
  onAway: (code: string) => void;
  /** Told when there is, or may be, more to replay. */
  onMore: () => void;
  /** Told the system's code when files of others cannot be read. */
  onProblem: (code: string) => void;
}

const takeOverMs = 5000;

/** Replays a spool when it is asked to, one replay at a time, and looks now and then for files of processes that are gone. */
export function followSpool({ spool, away, onAway, onMore, onProblem, ...options }: FollowSpoolOptions) {
  let replaying: Promise<void> | undefined;

  function replay(): void {
    if (spool === undefined || away()) return;
    replaying ??= replaySpool({ ...options, spool })
      .catch((error: unknown) => sqlState(error) || 'unknown')
      .then((code) => {
        if (code !== '') onAway(code);
      })
      .finally(() => {
        replaying = undefined;
        if (spool.counts().files > 0) onMore();
      });
  }

  function takeOver(): void {
    spool?.takeOver().then(onMore, (error: unknown) => onProblem(sqlState(error)));
  }
  takeOver();
  const takingOver = setInterval(takeOver, takeOverMs);
  takingOver.unref();

  return { replay, settled: () => replaying, stop: () => clearInterval(takingOver) };
}
