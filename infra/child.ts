import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { RelearnError } from '../src/errors.ts';
import { lastLines, startProcess } from './embedded/process.ts';
import type { ManagedProcess } from './embedded/process.ts';

/** Something a person at `relearn up` may want to see. */
export interface StackEvent {
  level: 'info' | 'warn';
  /** relearn, gateway, worker, console, postgres or temporal. */
  source: string;
  message: string;
}

export interface ChildOptions {
  /** The command of `relearn` to run, such as gateway. */
  name: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  logDirectory: string;
  onEvent: (event: StackEvent) => void;
}

const cli = fileURLToPath(new URL('./cli.js', import.meta.url));

/** Starts one process of the stack. Its output goes to a log file; what is a warning or worse is an event as well. */
export async function startChild(options: ChildOptions): Promise<ManagedProcess> {
  await mkdir(options.logDirectory, { recursive: true });
  return startProcess({
    command: process.execPath,
    args: ['--enable-source-maps', ...memoryArgs(options.name), cli, options.name, ...options.args],
    env: options.env,
    logFile: logFile(options),
    onLine: (line) => {
      const message = warningIn(line);
      if (message !== undefined) options.onEvent({ level: 'warn', source: options.name, message });
    },
    stopSignal: 'SIGTERM',
    stopWithinMs: 20_000,
  });
}

/** What a request needs lives a moment: with 16 MB for it, Node's default, a gateway spends twice the time on collecting it. */
function memoryArgs(name: string): string[] {
  return name === 'gateway' ? ['--max-semi-space-size=64'] : [];
}

function logFile({ logDirectory, name }: Pick<ChildOptions, 'logDirectory' | 'name'>): string {
  return join(logDirectory, `${name}.log`);
}

const logLine = z.object({
  level: z.number(),
  msg: z.string(),
  err: z.looseObject({ message: z.string() }).optional(),
});
const warnLevel = 40;

/** What pino wrote at warn or above, or a line that is not pino's: a crash. */
function warningIn(line: string): string | undefined {
  if (!line.startsWith('{')) return line.trim() === '' ? undefined : line;
  try {
    const { level, msg, err } = logLine.parse(JSON.parse(line));
    if (level < warnLevel) return undefined;
    return err === undefined ? msg : `${msg}: ${err.message}`;
  } catch {
    return line;
  }
}

/** Resolves when `url` answers anything. Throws `stack_failed` when the process ends before, or a minute has passed. */
export async function untilItAnswers(url: string, child: ManagedProcess, options: ChildOptions): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (child.running()) {
    if (await answers(url)) return;
    if (Date.now() > deadline) throw failed(options, 'does not answer after a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw failed(options, await child.exited);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function failed(options: ChildOptions, problem: string): RelearnError {
  const file = logFile(options);
  return new RelearnError(
    'stack_failed',
    `The ${options.name} ${problem}. Its log, ${file}, ends:\n${lastLines(file)}`,
  );
}
