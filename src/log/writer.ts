import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database.ts';
import type { LogRow } from './row.ts';
import { storeOnce } from './store-once.ts';

export interface LogWriterOptions {
  db: Database;
  /** As pino's. What is logged holds counts and codes, never a row. */
  logger: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  /** A row waits at most this long for company. */
  flushMs: number;
  /** Rows in memory, those on their way to the database included. */
  maxQueuedRows: number;
  /** 0: rows that were not sampled are not stored. */
  hotWindowHours: number;
}

export interface LogWriter {
  /** Takes a redacted row at once; never waits, never throws. */
  push(row: LogRow): void;
  /** Counts a row that could not be pushed, such as one that could not be redacted. */
  drop(reason: string): void;
  /** Resolves when every row pushed so far is stored or counted as dropped, however long the database is away. */
  flush(): Promise<void>;
  /** Stores what is queued, for ten seconds at most; what is left then is counted as dropped. */
  close(): Promise<void>;
  /** Rows stored, dropped (by reason) and waiting. */
  counts(): { written: number; dropped: Record<string, number>; queued: number };
}

const batchRows = 500;
const closeMs = 10_000;
const firstRetryMs = 100;
const lastRetryMs = 5000;

/**
 * Writes the log behind the requests. While the database is away rows wait in memory; when there are too many, those
 * that were not sampled go first. Rows that Postgres refuses for their own sake are dropped one by one.
 */
export function openLogWriter({ db, logger, flushMs, maxQueuedRows, hotWindowHours }: LogWriterOptions): LogWriter {
  let kept: LogRow[] = [];
  let unsampled: LogRow[] = [];
  let inFlight = 0;
  let written = 0;
  const dropped: Record<string, number> = {};
  const partitions = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let draining: Promise<void> | undefined;
  let wake = new AbortController();
  let closed = false;
  let closing: Promise<void> | undefined;

  const waiting = () => kept.length + unsampled.length;

  function drop(reason: string, rows = 1): void {
    if (rows > 0) dropped[reason] = (dropped[reason] ?? 0) + rows;
  }

  function push(row: LogRow): void {
    if (closed) return drop('writer_closed');
    if (row.keptBecause === null && hotWindowHours === 0) return;
    if (waiting() + inFlight >= maxQueuedRows) {
      if (row.keptBecause === null) return drop('queue_full_unsampled');
      if (unsampled.pop() === undefined) return drop('queue_full_kept');
      drop('queue_full_unsampled');
    }
    (row.keptBecause === null ? unsampled : kept).push(row);
    if (waiting() >= batchRows) startDraining();
    else timer ??= setTimeout(startDraining, flushMs);
  }

  function startDraining(): void {
    clearTimeout(timer);
    timer = undefined;
    draining ??= drain().finally(() => {
      draining = undefined;
      if (waiting() > 0) timer ??= setTimeout(startDraining, flushMs);
    });
  }

  async function drain(): Promise<void> {
    do {
      const due = [...kept, ...unsampled];
      [kept, unsampled, inFlight] = [[], [], due.length];
      for (let at = 0; at < due.length; at += batchRows) await store(due.slice(at, at + batchRows));
    } while (waiting() >= batchRows);
  }

  /** Stores a batch, halving it around rows that Postgres refuses and waiting for as long as it is away. */
  async function store(batch: LogRow[]): Promise<void> {
    const parts = [batch];
    let retryMs = firstRetryMs;
    for (let rows = parts.pop(); rows !== undefined; rows = parts.pop()) {
      const outcome = await storeOnce(db, rows, partitions);
      if (closed) return;
      if (outcome.state === 'stored') {
        inFlight -= rows.length;
        written += rows.length;
        retryMs = firstRetryMs;
      } else if (outcome.state === 'again') {
        parts.push(rows);
      } else if (outcome.state === 'away') {
        parts.push(rows);
        logger.warn({ code: outcome.code, queued: waiting() + inFlight, retryMs }, 'the log waits for Postgres');
        await sleep(retryMs, undefined, { signal: wake.signal }).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, lastRetryMs);
      } else if (rows.length > 1) {
        const half = rows.length >> 1;
        parts.push(rows.slice(half), rows.slice(0, half));
      } else {
        inFlight -= 1;
        drop('refused');
        logger.error({ code: outcome.code }, 'Postgres refused a row of the log; it is dropped');
      }
    }
  }

  async function flush(): Promise<void> {
    wake.abort();
    wake = new AbortController();
    await draining;
    startDraining();
    await draining;
  }

  async function close(): Promise<void> {
    const late = new AbortController();
    const timeUp = sleep(closeMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([flush(), timeUp]);
    late.abort();
    closed = true;
    wake.abort();
    clearTimeout(timer);
    const left = waiting() + inFlight;
    [kept, unsampled, inFlight] = [[], [], 0];
    drop('not_written_at_close', left);
    if (left > 0) logger.error({ rows: left }, 'rows of the log could not be written before the end');
  }

  return {
    push,
    drop: (reason) => drop(reason),
    flush,
    close: () => (closing ??= close()),
    counts: () => ({ written, dropped: { ...dropped }, queued: waiting() + inFlight }),
  };
}
