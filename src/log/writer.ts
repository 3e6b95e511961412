import { setTimeout as sleep } from 'node:timers/promises';
import { sqlState, type Database } from '../database.ts';
import { createBackoff } from './backoff.ts';
import type { LogCounts } from './log-tally.ts';
import type { Counted, MinuteCount } from './minutes.ts';
import { createQueue, laneOf } from './queue.ts';
import { followSpool } from './replay.ts';
import type { LogRow } from './row.ts';
import { openSpool } from './spool/spool.ts';
import { storeRows, type StoredRows } from './store-rows.ts';
import { createTally } from './tally.ts';

export interface LogWriterOptions {
  db: Database;
  /** As pino's. What is logged holds counts and codes, never a row. */
  logger: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  /** A row waits at most this long for company. */
  flushMs: number;
  /** Rows in memory, those on their way to the database included. */
  maxQueuedRows: number;
  /** 0: rows that were not sampled are counted and not stored. */
  hotWindowHours: number;
  /** Where rows wait on the disk while the database is away. Left out: they wait in memory only. */
  spoolDirectory?: string | undefined;
  spoolMb?: number;
  /** Every row goes to the spool first; `push` then answers with a promise. */
  durable?: boolean;
  /** Postgres is away when it says nothing for so long, in ms. Ten seconds when left out. */
  answerMs?: number;
}

export interface LogWriter {
  /**
   * Takes a redacted row at once and never throws. With `durable` the promise, which never rejects, resolves when the
   * row is on the disk; a gateway waits for it before it answers.
   */
  push(row: LogRow): Promise<void> | undefined;
  /** Counts a row that could not be pushed, such as one that could not be redacted. */
  drop(reason: string, row?: Counted): void;
  /** Takes counts of requests whose rows were lost before they came here. */
  countLost(counts: readonly MinuteCount[]): void;
  /** Resolves when every row pushed so far is stored or counted as dropped, however long the database is away. */
  flush(): Promise<void>;
  /** Stores what is queued, or else spools it, within ten seconds; what is left then is counted as dropped. */
  close(): Promise<void>;
  counts(): LogCounts;
}

/** So many rows are worth a statement of their own; a backlog is stored in larger ones. */
const dueRows = 2000;
const batchRows = 4000;
const closeMs = 10_000;
const usualAnswerMs = 10_000;
const nothingSpooled = { files: 0, bytes: 0, rows: 0 };

/**
 * Writes the log behind the requests. While the database is away rows go to the spool, and what the spool has no room for
 * waits in memory; when that is full too, rows that were not sampled go first, healthy ones next, and each is counted.
 */
export function openLogWriter(options: LogWriterOptions): LogWriter {
  const { logger, flushMs, maxQueuedRows, hotWindowHours, spoolDirectory, spoolMb = 256 } = options;
  const db = options.db.within(options.answerMs ?? usualAnswerMs);
  const queue = createQueue();
  const tally = createTally();
  const backoff = createBackoff();
  const away = (): boolean => backoff.away();
  const partitions = new Set<string>();
  const dropped: Record<string, number> = {};
  const spool =
    spoolDirectory === undefined
      ? undefined
      : openSpool({
          directory: spoolDirectory,
          maxBytes: spoolMb * 1024 * 1024,
          onGivenUp(lane, { rows }) {
            for (const row of rows) drop(`spool_full_${lane}`, row);
          },
          onProblem: (code) => logger.error({ code }, 'the spool of the log cannot be written'),
        });
  const durable = options.durable === true && spool !== undefined;
  let inFlight: LogRow[] = [];
  let written = 0;
  let waiters: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let draining: Promise<void> | undefined;
  let storingTally: Promise<void> | undefined;
  let closed = false;
  let closing: Promise<void> | undefined;

  function drop(reason: string, row?: Counted): void {
    dropped[reason] = (dropped[reason] ?? 0) + 1;
    if (row !== undefined) tally.add(row, 'dropped');
  }

  function push(row: LogRow): Promise<void> | undefined {
    if (closed) {
      drop('writer_closed', row);
      return undefined;
    }
    if (row.keptBecause === null && hotWindowHours === 0) {
      tally.add(row, 'passed');
      drainLater();
      return undefined;
    }
    const lost = queue.add(row, maxQueuedRows - inFlight.length);
    if (lost !== undefined) drop(`queue_full_${laneOf(lost)}`, lost);
    if (!durable) {
      if (queue.size() >= dueRows && !away()) drain();
      else drainLater();
      return undefined;
    }
    const held = new Promise<void>((resolve) => waiters.push(resolve));
    drain();
    return held;
  }

  function noteAway(code: string): void {
    const retryMs = backoff.fail();
    const { spooled, queued } = counts();
    logger.warn({ code, queued, spooled: spooled.rows, retryMs }, 'the log waits for Postgres');
  }

  function noteStored(rows: number, refused: StoredRows['refused']): void {
    backoff.succeed();
    written += rows;
    for (const { row, code } of refused) {
      drop('refused', row);
      logger.error({ code }, 'Postgres refused a row of the log; it is dropped');
    }
  }

  function drainLater(): void {
    if (!closed) timer ??= setTimeout(tick, flushMs);
  }

  function tick(): void {
    timer = undefined;
    drain();
    replayer.replay();
  }

  function drain(): void {
    draining ??= drainQueue()
      .catch((error: unknown) => logger.error({ code: sqlState(error) }, 'the log could not be written; trying again'))
      .finally(() => {
        draining = undefined;
        if (queue.size() > 0 || tally.pending() || (spool?.counts().files ?? 0) > 0) drainLater();
      });
  }

  async function drainQueue(): Promise<void> {
    let left = 0;
    do left = await drainBatch();
    while (left === 0 && (waiters.length > 0 || queue.size() >= dueRows));
    if (!away()) storeTally();
  }

  /** Beside the rows: with `durable` answers wait for those, and not for Postgres. */
  function storeTally(): void {
    storingTally ??= tally
      .store(db)
      .catch((error: unknown) => noteAway(sqlState(error)))
      .finally(() => (storingTally = undefined));
  }

  /** To the database, or to the spool while it is away. Returns how many rows neither took; they wait on. */
  async function drainBatch(): Promise<number> {
    const settled = waiters;
    waiters = [];
    inFlight = queue.take(durable ? maxQueuedRows : batchRows);
    try {
      if (durable || away()) inFlight = await spoolRows(inFlight);
      if (!away()) inFlight = await storeNow(inFlight);
      if (inFlight.length > 0) inFlight = await spoolRows(inFlight);
      return inFlight.length;
    } finally {
      queue.putBack(inFlight);
      inFlight = [];
      for (const resolve of settled) resolve();
    }
  }

  /** Returns what is still to be stored when Postgres is away. */
  async function storeNow(rows: LogRow[]): Promise<LogRow[]> {
    const { refused, left, code } = await storeRows(db, rows, partitions);
    if (closed) return [];
    const stored = rows.length - left.length - refused.length;
    if (stored > 0 || refused.length > 0) noteStored(stored, refused);
    if (left.length > 0) noteAway(code);
    return left;
  }

  const spoolRows = async (rows: LogRow[]): Promise<LogRow[]> =>
    spool === undefined || rows.length === 0 ? rows : spool.append(rows);

  const replayer = followSpool({
    ...{ db, spool, partitions, away },
    onStored(rows, refused, unreadable) {
      noteStored(rows, refused);
      for (let n = 0; n < unreadable; n += 1) drop('spool_unreadable');
    },
    onAway: noteAway,
    onMore: drainLater,
    onProblem: (code) => logger.error({ code }, 'the spool of the log cannot be read'),
  });

  function waiting(): number {
    return queue.size() + inFlight.length + (spool?.counts().rows ?? 0);
  }

  async function settle(): Promise<void> {
    await Promise.all([draining, storingTally, replayer.settled()]);
    drain();
    replayer.replay();
    await Promise.all([draining, replayer.settled()]);
    await storingTally;
  }

  async function flush(): Promise<void> {
    backoff.hurry();
    await settle();
    while (!closed && waiting() > 0) {
      await sleep(Math.max(10, backoff.waitMs()));
      await settle();
    }
  }

  async function close(): Promise<void> {
    replayer.stop();
    const late = new AbortController();
    const timeUp = sleep(closeMs, undefined, { signal: late.signal }).catch(() => undefined);
    // With a spool one try is enough: the next process stores the rest.
    await Promise.race([spool === undefined ? flush() : settle(), timeUp]);
    late.abort();
    closed = true;
    clearTimeout(timer);
    const rest = [...inFlight, ...queue.take(Infinity)];
    inFlight = [];
    const lost = await spoolRows(rest);
    for (const row of lost) drop('not_written_at_close', row);
    if (lost.length > 0) logger.error({ rows: lost.length }, 'rows of the log could not be written before the end');
    // A full spool gives up rows for what is added to it, and those are counted, too.
    for (let open = tally.takeAll(); open.length > 0; open = tally.takeAll()) {
      for (const one of open) await spool?.appendTally(one);
    }
    await spool?.close();
    for (const resolve of waiters.splice(0)) resolve();
  }

  const counts = (): LogCounts => ({
    written,
    dropped: { ...dropped },
    queued: queue.size() + inFlight.length,
    spooled: spool?.counts() ?? { ...nothingSpooled },
  });

  function countLost(lost: readonly MinuteCount[]): void {
    tally.merge(lost);
    if (lost.length > 0) drainLater();
  }

  return { push, drop, countLost, flush, close: () => (closing ??= close()), counts };
}
