import type { Logger as TemporalLogger, LogLevel as TemporalLogLevel, LogMetadata } from '@temporalio/common';
import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { RelearnError } from '../src/errors.ts';
import type { LogLevel } from './environment.ts';

export type { Logger } from 'pino';

/** One JSON object a line on stdout; for a person on a terminal, one readable line. */
export function createLogger(options: { level: LogLevel; name: string }): Logger {
  const settings = {
    level: options.level,
    base: { process: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError, error: describeError },
  };
  if (!process.stdout.isTTY) return pino(settings);
  return pino(settings, pretty({ ignore: 'process', translateTime: 'SYS:HH:MM:ss.l', sync: true }));
}

/**
 * What a log line says about an error. A parser's message quotes what it could not read, which may be a user's text:
 * it stays out, and so do the fields that libraries hang onto their errors.
 */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const message = error instanceof SyntaxError ? {} : { message: error.message };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  const stack = error instanceof RelearnError ? {} : { stack: frames?.join('\n') };
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { type: error.name, ...code, ...message, ...stack, ...cause };
}

/** The Temporal SDK's log lines, its workflows' and activities' among them, in the same stream. */
export function temporalLogger(logger: Logger): TemporalLogger {
  const write = (level: TemporalLogLevel, message: string, metadata: LogMetadata = {}) => {
    // The training worker runs activities only, on purpose.
    const expected = message.startsWith('No workflows registered');
    logger[expected ? 'info' : lowerCase[level]](metadata, message);
  };
  return {
    log: write,
    trace: (message, metadata) => write('TRACE', message, metadata),
    debug: (message, metadata) => write('DEBUG', message, metadata),
    info: (message, metadata) => write('INFO', message, metadata),
    warn: (message, metadata) => write('WARN', message, metadata),
    error: (message, metadata) => write('ERROR', message, metadata),
  };
}

const lowerCase = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
