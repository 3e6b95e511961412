import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** A process as one may meet it again: ids are used anew, start times tell them apart. */
export interface ProcessMark {
  pid: number;
  /** Clock ticks since boot, from /proc; null where there is no /proc. */
  startTime: string | null;
}

const lookEveryMs = 50;

/** When a process started, or null when it is gone (or the system has no /proc). */
export async function startTimeOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The second field, the program's name, may hold spaces and brackets; the 22nd is the start time.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? null : (fields[19] ?? null);
}

/** Whether the very process still runs. Without /proc nothing tells, and a stranger must not be killed: no. */
export async function stillRuns({ pid, startTime }: ProcessMark): Promise<boolean> {
  return startTime !== null && (await startTimeOf(pid)) === startTime;
}

/** Ends a process and all it started: SIGTERM to its group, and after `graceMs` SIGKILL. Resolves when the group is gone. */
export async function endGroup(pid: number, graceMs: number): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  for (const deadline = Date.now() + graceMs; signalGroup(pid, 0); await wait(lookEveryMs)) {
    if (Date.now() >= deadline) break;
  }
  while (signalGroup(pid, 'SIGKILL')) await wait(lookEveryMs);
}

/** False when no process of the group is left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
