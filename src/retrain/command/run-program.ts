import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { RelearnError } from '../../errors.ts';
import { redactToStore } from '../../log/redact/index.ts';
import { endGroups, groupsWith } from './process-group.ts';

export interface ProgramPlan {
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Working directory of the program. It outlives a killed worker. */
  folder: string;
  graceMs: number;
}

const longestTail = 4000;
const tailLines = 5;
const lastWordsMs = 1000;

/**
 * Runs a program to its end and hands on what it prints, line by line. One that a killed worker left is ended first. An abort
 * ends it and all it started, and rejects with the signal's reason. Throws `trainer_failed` with the redacted end of its stderr.
 */
export async function runProgram(
  plan: ProgramPlan,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const token = await tokenOf(plan.folder);
  const findGroups = () => groupsWith(`RELEARN_PROGRAM=${token}`);
  await endGroups(await findGroups(), plan.graceMs);
  signal.throwIfAborted();
  const [program = '', ...args] = plan.command;
  const child = spawn(program, args, {
    ...{ cwd: plan.folder, env: { ...plan.env, RELEARN_PROGRAM: token }, stdio: ['ignore', 'pipe', 'pipe'] },
    detached: true, // a group of its own
  });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-longestTail); // at its full length, its first line is cut
  });
  const lines = createInterface({ input: child.stdout, crlfDelay: Infinity });
  lines.on('line', onLine);
  const ended = new Promise<string | null>((resolve, reject) => {
    child.once('error', (cause) => reject(cannotStart(program, cause)));
    child.once('exit', (code, by) => {
      resolve(code === 0 ? null : by === null ? `ended with exit code ${code}` : `was killed by ${by}`);
    });
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const { pid } = child;
  const endAll = async () => {
    if (pid !== undefined) await endGroups([pid, ...(await findGroups())], plan.graceMs);
  };
  const stop = () => void endAll();
  try {
    signal.addEventListener('abort', stop, { once: true });
    const problem = await ended;
    // What the program started ends with it: nothing holds its output or writes into the folder afterwards.
    await endAll();
    await Promise.race([closed, wait(lastWordsMs)]);
    signal.throwIfAborted();
    if (problem !== null) throw await failed(`The trainer ${program} ${problem}.`, tail);
  } finally {
    signal.removeEventListener('abort', stop);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Tells the run's program and all it starts from any other process. Written before the first of them runs. */
async function tokenOf(folder: string): Promise<string> {
  const file = join(folder, 'program');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept !== '') return kept;
  const token = randomUUID();
  await writeFile(file, token);
  return token;
}

function cannotStart(program: string, cause: Error): RelearnError {
  const code = 'code' in cause ? String(cause.code) : 'unknown';
  return new RelearnError(
    'invalid_config',
    `The trainer ${program} cannot be started (${code}). Check retrain.trainer.command.`,
    { cause },
  );
}

/** Its stderr may quote rows it read. A tail that cannot be redacted is left out. */
async function failed(what: string, tail: string): Promise<RelearnError> {
  // A line that was cut may hold half of a value that nothing recognises.
  const whole = tail.length < longestTail ? tail : tail.slice(tail.indexOf('\n') + 1);
  const lines = whole.trimEnd().split('\n').slice(-tailLines).join('\n');
  const shown = await redactToStore((redact) => redact(lines)).catch(() => '');
  return new RelearnError('trainer_failed', shown === '' ? what : `${what} Its stderr ends:\n${shown}`);
}
