/** Entry of the log's thread: `openLogThread` starts it, opens the log, sends answers, and closes it. */
import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { openDatabase } from '../database.ts';
import { createRedactor } from '../log/redact/index.ts';
import { openLogWriter } from '../log/writer.ts';
import { createAnswerLog } from './log-answer.ts';
import type { FromLogThread, LogSettings, ToLogThread } from './log-thread.ts';

const reportMs = 100;
const connections = 4;
/** Steps of `nice`: where answers want the same core, the log still gets a quarter of it. */
const giveWay = 5;

function post(message: FromLogThread): void {
  parentPort?.postMessage(message);
}

function openLog({ log: config, databaseUrl, hashKey, spoolDirectory }: LogSettings) {
  const line = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) =>
    post({ line: { level, fields, message } });
  const logger = { info: line('info'), warn: line('warn'), error: line('error') };
  const db = openDatabase(databaseUrl, { maxConnections: connections });
  const writer = openLogWriter({ ...config, spoolDirectory, db, logger });
  const log = createAnswerLog({ writer, redactor: createRedactor(config.redaction), hashKey, durable: config.durable });
  const report = () => ({ counts: log.counts(), tally: log.tally() });
  const reporting = setInterval(() => post({ report: report() }), reportMs);

  return {
    async take({ batch, answers, lost }: Extract<ToLogThread, { answers: unknown }>): Promise<void> {
      writer.countLost(lost);
      const held = answers.map((answer) => log.add(answer)).filter((adding) => adding !== undefined);
      if (held.length > 0) await Promise.all(held);
      post({ batch });
    },
    async flush(number: number): Promise<void> {
      await log.flush();
      post({ flushed: number, report: report() });
    },
    async close(): Promise<void> {
      clearInterval(reporting);
      await log.close();
      await db.close();
      post({ report: report() });
    },
  };
}

/** Linux gives each thread a priority of its own; elsewhere this thread keeps that of its process. */
function giveWayToAnswers(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(getPriority(thread) + giveWay, constants.priority.PRIORITY_LOW));
  } catch {
    // no /proc, or none that shows this thread
  }
}

giveWayToAnswers();
let log: ReturnType<typeof openLog> | undefined;
parentPort?.on('message', (message: ToLogThread) => {
  if ('open' in message) log = openLog(message.open);
  else if ('answers' in message) void log?.take(message);
  else if ('flush' in message) void log?.flush(message.flush);
  else void log?.close().finally(() => parentPort?.close());
});
