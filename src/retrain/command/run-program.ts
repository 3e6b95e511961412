import { spawn } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import { redactText } from '../../log/redact/index.ts';
import { endGroup, startTimeOf, stillRuns, type ProcessMark } from './process-group.ts';

export interface ProgramPlan {
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Working directory of the program. */
  folder: string;
  /** Keeps the mark of the running program, so that the next worker finds one that outlived its own. */
  markFile: string;
  graceMs: number;
}

const markSchema = z.object({ pid: z.number().int().positive(), startTime: z.string().nullable() });
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
  await endOrphan(plan);
  signal.throwIfAborted();
  const [program = '', ...args] = plan.command;
  const child = spawn(program, args, {
    ...{ cwd: plan.folder, env: plan.env, stdio: ['ignore', 'pipe', 'pipe'] },
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
  const stop = () => {
    if (pid !== undefined) void endGroup(pid, plan.graceMs);
  };
  try {
    if (pid !== undefined) await writeMark(plan.markFile, { pid, startTime: await startTimeOf(pid) });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const problem = await ended;
    // What the program started ends with it: nothing holds its output or writes into the folder afterwards.
    if (pid !== undefined) await endGroup(pid, plan.graceMs);
    await Promise.race([closed, wait(lastWordsMs)]);
    signal.throwIfAborted();
    if (problem !== null) throw failed(`The trainer ${program} ${problem}.`, tail);
  } finally {
    signal.removeEventListener('abort', stop);
    child.stdout.destroy();
    child.stderr.destroy();
    await rm(plan.markFile, { force: true });
  }
}

async function endOrphan({ markFile, graceMs }: ProgramPlan): Promise<void> {
  const mark = await readMark(markFile);
  if (mark !== null && (await stillRuns(mark))) await endGroup(mark.pid, graceMs);
}

async function readMark(file: string): Promise<ProcessMark | null> {
  try {
    return markSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null; // none: the last one ended in order
  }
}

async function writeMark(file: string, mark: ProcessMark): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(mark));
  await rename(`${file}.new`, file);
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
function failed(what: string, tail: string): RelearnError {
  // A line that was cut may hold half of a value that nothing recognises.
  const whole = tail.length < longestTail ? tail : tail.slice(tail.indexOf('\n') + 1);
  const lines = whole.trimEnd().split('\n').slice(-tailLines).join('\n');
  let shown = '';
  try {
    shown = redactText(lines).text;
  } catch {
    // fails closed
  }
  return new RelearnError('trainer_failed', shown === '' ? what : `${what} Its stderr ends:\n${shown}`);
}
