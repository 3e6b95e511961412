import { spawn } from 'node:child_process';
import { closeSync, createWriteStream, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface ManagedProcess {
  readonly pid: number;
  /** Resolves, never rejects, with a line such as "exited with code 1" once the process is gone. */
  readonly exited: Promise<string>;
  /** False once it is gone. */
  running(): boolean;
  /** Asks it to end, waits, kills it when it does not; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ProcessOptions {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Unix user to run as; the caller's when left out. */
  user?: { uid: number; gid: number };
  /** Where stdout and stderr go, appended. */
  logFile: string;
  /** Gets what it writes, line by line, as well. */
  onLine?: (line: string) => void;
  stopSignal: 'SIGTERM' | 'SIGINT';
  /** How long it may take to end before it is killed. */
  stopWithinMs: number;
}

/**
 * Starts a program that ends when we end. It gets a session of its own, so that Ctrl-C reaches only this process,
 * which then stops everything in order; should this process be killed, a waiting shell ends the program instead.
 */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const log = openSync(options.logFile, 'a', 0o600);
  const output = options.onLine === undefined ? log : 'pipe';
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', output, output],
    ...(options.env === undefined ? {} : { env: options.env }),
    ...options.user,
  });
  closeSync(log);
  let running = true;
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      resolve(signal === null ? `exited with code ${code ?? 0}` : `was killed by ${signal}`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (options.onLine !== undefined) copyLines([child.stdout, child.stderr], options.logFile, options.onLine);
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.command} has no process id`);
  const dismissGuard = guard(pid, options);
  void exited.then(dismissGuard);
  return {
    pid,
    exited,
    running: () => running,
    async stop() {
      if (running) child.kill(options.stopSignal);
      const kill = setTimeout(() => child.kill('SIGKILL'), options.stopWithinMs);
      await exited;
      clearTimeout(kill);
    },
  };
}

function copyLines(outputs: readonly (Readable | null)[], logFile: string, onLine: (line: string) => void): void {
  const log = createWriteStream(logFile, { flags: 'a' });
  // A full disk must not end the stack.
  log.on('error', () => {});
  for (const output of outputs) {
    if (output === null) continue;
    createInterface({ input: output, crlfDelay: Infinity }).on('line', (line) => {
      log.write(`${line}\n`);
      onLine(line);
    });
  }
}

/** A shell that blocks on a pipe from us: the pipe closes when we die, however we die, and the shell ends `pid`. */
export function guard(pid: number, options: Pick<ProcessOptions, 'stopSignal' | 'stopWithinMs'>): () => void {
  if (process.platform === 'win32') return () => {};
  const script = `read -r _; kill -s "$2" "$1" || exit 0
    while kill -0 "$1" && [ "$3" -gt 0 ]; do sleep 1; set -- "$1" "$2" $(($3 - 1)); done
    kill -s KILL "$1"`;
  const seconds = Math.ceil(options.stopWithinMs / 1000);
  const shell = spawn('/bin/sh', ['-c', script, 'sh', `${pid}`, options.stopSignal.slice(3), `${seconds}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  return () => shell.kill('SIGKILL');
}

/** The end of a log file, to be shown when a program did not start. */
export function lastLines(file: string, count = 5): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}
