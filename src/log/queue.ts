import type { LogRow } from './row.ts';

/** From the most to the least worth keeping: when there is no room, the last go first. */
export const lanes = ['kept', 'healthy', 'unsampled'] as const;
export type Lane = (typeof lanes)[number];

/** `kept`: for a reason. `healthy`: by chance, as others could have been. `unsampled`: for the hot window only. */
export function laneOf({ keptBecause }: Pick<LogRow, 'keptBecause'>): Lane {
  if (keptBecause === null) return 'unsampled';
  return keptBecause === 'healthy' ? 'healthy' : 'kept';
}

export interface LogQueue {
  /** Takes a row. Beyond `room` rows one has to go, which is returned: of the least lane, the new one if it is no better. */
  add(row: LogRow, room: number): LogRow | undefined;
  /** Takes rows out, the best first. */
  take(limit: number): LogRow[];
  /** Puts rows that were taken out back, before the others. */
  putBack(rows: readonly LogRow[]): void;
  size(): number;
}

/** The rows that wait in memory. */
export function createQueue(): LogQueue {
  const waiting: Record<Lane, LogRow[]> = { kept: [], healthy: [], unsampled: [] };
  const size = () => waiting.kept.length + waiting.healthy.length + waiting.unsampled.length;
  return {
    size,
    add(row, room) {
      const own = lanes.indexOf(laneOf(row));
      waiting[laneOf(row)].push(row);
      if (size() <= room) return undefined;
      for (const lane of lanes.slice(own + 1).reverse()) {
        const worse = waiting[lane].pop();
        if (worse !== undefined) return worse;
      }
      return waiting[laneOf(row)].pop();
    },
    take(limit) {
      const taken: LogRow[] = [];
      for (const lane of lanes) taken.push(...waiting[lane].splice(0, limit - taken.length));
      return taken;
    },
    putBack(rows) {
      for (const lane of lanes) waiting[lane] = [...rows.filter((row) => laneOf(row) === lane), ...waiting[lane]];
    },
  };
}
