import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

const lookEveryMs = 50;

/**
 * Process groups in which a process has `variable` (`NAME=value`) in the environment it was started with: what a program
 * started carries it too, in whatever group, its starter gone or not. Linux only: without /proc none is found.
 */
export async function groupsWith(variable: string): Promise<number[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const groups = await Promise.all(ids.map((id) => groupOf(id, variable)));
  return [...new Set(groups.filter((group) => group !== null))];
}

/** The group of a process that has the variable; null for any other, one that is gone and one of another user. */
async function groupOf(id: string, variable: string): Promise<number | null> {
  try {
    const environment = await readFile(`/proc/${id}/environ`, 'utf8');
    if (!environment.split('\0').includes(variable)) return null;
    const stat = await readFile(`/proc/${id}/stat`, 'utf8');
    // The second field, the program's name, may hold spaces and brackets; the fifth is the group.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  } catch {
    return null;
  }
}

/** Ends process groups: SIGTERM, and after `graceMs` SIGKILL. Resolves when no process of them is left. */
export async function endGroups(groups: readonly number[], graceMs: number): Promise<void> {
  signalAll(groups, 'SIGTERM');
  for (const deadline = Date.now() + graceMs; Date.now() < deadline && signalAll(groups, 0);) await wait(lookEveryMs);
  while (signalAll(groups, 'SIGKILL')) await wait(lookEveryMs);
}

/** False when no process of the groups is left. */
function signalAll(groups: readonly number[], signal: NodeJS.Signals | 0): boolean {
  return groups.filter((group) => signalGroup(group, signal)).length > 0;
}

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
