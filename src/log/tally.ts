import { randomUUID } from 'node:crypto';
import type { Database } from '../database.ts';
import { addCounts, countRequest, storeTally, type Counted, type MinuteCount } from './minutes.ts';
import type { Tally } from './spool/lines.ts';

/** Counts of requests that get no row in the database: lost ones, and unsampled ones without a hot window. */
export interface TallyKeeper {
  add(row: Counted, fate: 'dropped' | 'passed'): void;
  merge(counts: readonly MinuteCount[]): void;
  /** Whether something is not stored yet. */
  pending(): boolean;
  /** Stores what was counted. What fails is tried again under the same id, so that it counts once. */
  store(db: Database): Promise<void>;
  /** What is not stored yet, to be kept elsewhere; the keeper forgets it. */
  takeAll(): Tally[];
}

export function createTally(): TallyKeeper {
  let open = new Map<string, MinuteCount>();
  let underWay: { id: string; counts: Map<string, MinuteCount> } | undefined;
  const freeze = (): void => {
    if (underWay !== undefined || open.size === 0) return;
    underWay = { id: randomUUID(), counts: open };
    open = new Map();
  };
  return {
    add: (row, fate) => countRequest(open, row, fate),
    merge: (counts) => addCounts(open, counts),
    pending: () => open.size > 0 || underWay !== undefined,
    async store(db) {
      freeze();
      const mine = underWay;
      if (mine === undefined) return;
      await storeTally(db, mine.id, mine.counts);
      if (underWay === mine) underWay = undefined;
    },
    takeAll() {
      const taken: Tally[] = [];
      for (freeze(); underWay !== undefined; freeze()) {
        taken.push({ id: underWay.id, counts: [...underWay.counts.values()] });
        underWay = undefined;
      }
      return taken;
    },
  };
}
