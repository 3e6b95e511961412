import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { addCounts, createLogTally, type LogCounts, type LogTally } from '../log/log-tally.ts';
import { countRequest, type MinuteCount } from '../log/minutes.ts';
import type { LogWriterOptions } from '../log/writer.ts';
import { reasonToKeep, type AnswerLog, type RawAnswer } from './log-answer.ts';
import { createMailbox, type Mail } from './mailbox.ts';

/** What the thread needs to open the log: values, as functions do not go between threads. */
export interface LogSettings {
  log: Config['log'];
  databaseUrl: string;
  /** Of user ids, and of the draw. */
  hashKey: string;
  spoolDirectory: string;
}

export type ToLogThread =
  | { open: LogSettings }
  | { batch: number; answers: readonly RawAnswer[]; lost: readonly MinuteCount[] }
  | { flush: number }
  | { close: true };

type Level = keyof LogWriterOptions['logger'];

export type FromLogThread =
  | { batch: number }
  | { flushed: number; report: LogReport }
  | { report: LogReport }
  | { line: { level: Level; fields: object; message: string } };

export interface LogReport {
  counts: LogCounts;
  tally: LogTally;
}

export interface LogThreadOptions extends LogSettings {
  logger: LogWriterOptions['logger'];
  /** The code of the thread; another one in tests. */
  entry?: URL;
}

/** Answers in one message: a message costs as much as a few of them. */
const batchAnswers = 128;
const waitMs = 20;
/** Rows with the thread, which has enough to do by them; the others wait where they can be given up for better ones. */
const mostPosted = 2048;
/** Characters held for the thread. */
const mostCharacters = 128 * 2 ** 20;
const maxYoungGenerationSizeMb = 96;
const firstRestartMs = 100;
const lastRestartMs = 5000;
const nothing: LogReport = {
  counts: { written: 0, dropped: {}, queued: 0, spooled: { files: 0, bytes: 0, rows: 0 } },
  tally: { redactions: {}, sampled: {} },
};

/**
 * The log in a thread of its own: redacting, hashing, sampling, writing and the spool never hold up an answer, however long
 * its text. When more waits than `log.maxQueuedRows`, answers are dropped and counted, healthy ones first. A thread that dies
 * is started again; what it held is counted as dropped.
 */
export function openLogThread({ logger, entry, ...settings }: LogThreadOptions): AnswerLog {
  const { log } = settings;
  const { maxQueuedRows, durable } = log;
  let thread: Worker | undefined;
  const mailbox = createMailbox();
  /** With the thread, by number. */
  const posted = new Map<number, Mail[]>();
  let [postedRows, postedCharacters] = [0, 0];
  const flushing = new Map<number, () => void>();
  let numbers = 0;
  let timer: NodeJS.Timeout | undefined;
  let restartMs = firstRestartMs;
  let restarting: NodeJS.Timeout | undefined;
  let report = nothing;
  /** Of threads that died. */
  let before = nothing;
  /** Of this thread: what embedded models read is redacted here. */
  const own = createLogTally();
  const dropped: Record<string, number> = {};
  let lost = new Map<string, MinuteCount>();
  let closing: Promise<void> | undefined;

  function drop(
    reason: string,
    { answer, keptBecause = reasonToKeep(answer) }: Pick<Mail, 'answer' | 'keptBecause'>,
  ): void {
    dropped[reason] = (dropped[reason] ?? 0) + 1;
    const { served, source, ts } = answer;
    const { model, version: modelVersion } = served;
    countRequest(lost, { model, modelVersion, source, ts, keptBecause }, 'dropped');
  }

  function start(): void {
    restarting = undefined;
    const started = new Worker(entry ?? new URL('./log-thread-entry.js', import.meta.url), {
      name: 'relearn-log',
      // Rows live as long as a flush: in less room they would all be moved to where only a full collection finds them.
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    thread = started;
    started.on('message', (message: FromLogThread) => receive(message));
    started.on('error', (error) => logger.error({ error: error.name }, 'the thread of the log failed'));
    started.once('exit', () => end(started));
    send({ open: { ...settings, log: { ...log, flushMs: Math.max(1, log.flushMs - waitMs) } } });
    post();
  }

  const send = (message: ToLogThread): void => thread?.postMessage(message);

  function receive(message: FromLogThread): void {
    if ('line' in message) {
      const { level, fields, message: text } = message.line;
      return logger[level](fields, text);
    }
    restartMs = firstRestartMs;
    if ('batch' in message) return held(message.batch);
    report = message.report;
    if ('flushed' in message) {
      flushing.get(message.flushed)?.();
      flushing.delete(message.flushed);
    }
  }

  /** Forgets a batch that the thread has done, or taken with it. */
  function held(number: number): void {
    const batch = posted.get(number);
    if (batch === undefined) return;
    posted.delete(number);
    postedRows -= batch.length;
    for (const { size, onHeld } of batch) {
      postedCharacters -= size;
      onHeld?.();
    }
    if (mailbox.size() > 0) postSoon();
  }

  function end(ended: Worker): void {
    if (thread !== ended) return;
    thread = undefined;
    if (closing === undefined) {
      restarting = setTimeout(start, restartMs);
      restarting.unref();
      restartMs = Math.min(2 * restartMs, lastRestartMs);
    }
    const { queued } = report.counts;
    if (queued > 0) dropped['log_thread_died'] = (dropped['log_thread_died'] ?? 0) + queued;
    for (const [number, batch] of [...posted]) {
      for (const mail of batch) drop('log_thread_died', mail);
      held(number);
    }
    before = { counts: { ...nothing.counts, ...pick(total()) }, tally: sumTally(before.tally, report.tally) };
    report = nothing;
    for (const resolve of flushing.values()) resolve();
    flushing.clear();
  }

  function post(most = Math.min(mostPosted, Math.ceil(maxQueuedRows / 2))): void {
    clearTimeout(timer);
    timer = undefined;
    if (thread === undefined) return;
    while (mailbox.size() > 0 && postedRows < most) postBatch(mailbox.take(batchAnswers));
    if (mailbox.size() === 0 && lost.size > 0) postBatch([]);
  }

  function postBatch(batch: Mail[]): void {
    numbers += 1;
    posted.set(numbers, batch);
    postedRows += batch.length;
    for (const { size } of batch) postedCharacters += size;
    send({ batch: numbers, answers: batch.map(({ answer }) => answer), lost: [...lost.values()] });
    lost = new Map();
  }

  function postSoon(): void {
    if (mailbox.size() >= batchAnswers) post();
    else timer ??= setTimeout(() => post(), durable ? 0 : waitMs);
  }

  function add(answer: RawAnswer): Promise<void> | undefined {
    if (closing !== undefined) {
      drop('writer_closed', { answer });
      return undefined;
    }
    const mail: Mail = { answer, size: sizeOf(answer) };
    const held = durable ? new Promise<void>((resolve) => (mail.onHeld = resolve)) : undefined;
    const room = { rows: maxQueuedRows - postedRows, characters: mostCharacters - postedCharacters };
    for (const given of mailbox.add(mail, room)) {
      drop(given.keptBecause === null ? 'queue_full_raw' : 'queue_full_raw_kept', given);
      given.onHeld?.();
    }
    postSoon();
    return held;
  }

  async function flush(): Promise<void> {
    post(Infinity);
    if (thread === undefined) return;
    numbers += 1;
    const number = numbers;
    await new Promise<void>((resolve) => {
      flushing.set(number, resolve);
      send({ flush: number });
    });
  }

  async function close(): Promise<void> {
    clearTimeout(restarting);
    post(Infinity);
    const ending = thread;
    if (ending === undefined) {
      for (const mail of mailbox.take(Infinity)) {
        drop('log_thread_died', mail);
        mail.onHeld?.();
      }
      return;
    }
    const exited = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
    send({ close: true });
    await exited;
  }

  function total(): Pick<LogCounts, 'written' | 'dropped'> {
    const { counts } = report;
    return {
      written: before.counts.written + counts.written,
      dropped: addCounts(before.counts.dropped, counts.dropped),
    };
  }
  start();
  return {
    ...{ add, flush, countFound: own.countFound },
    close: () => (closing ??= close()),
    counts: () => {
      const { written, dropped: itsDropped } = total();
      const { queued, spooled } = report.counts;
      return {
        written,
        dropped: addCounts(itsDropped, dropped),
        queued: queued + mailbox.size() + postedRows,
        spooled,
      };
    },
    tally: () => sumTally(own.read(), before.tally, report.tally),
  };
}

const pick = ({ written, dropped }: Pick<LogCounts, 'written' | 'dropped'>) => ({ written, dropped });

function sumTally(...all: readonly LogTally[]): LogTally {
  return {
    redactions: addCounts(...all.map(({ redactions }) => redactions)),
    sampled: addCounts(...all.map(({ sampled }) => sampled)),
  };
}

function sizeOf({ messages, completion }: RawAnswer): number {
  return textSize(messages) + textSize(completion);
}

/** Exact for JSON; messages of an embedded model were limited by the size of the body. */
function textSize(text: unknown): number {
  return typeof text === 'string' ? text.length : 1000;
}
