import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export type Lock = { held: true; release(): Promise<void> } | { held: false; owner: number };

/**
 * Takes the lock that `file` stands for, or says which process has it. The lock of a process that is gone counts for
 * nothing; process ids are used again, so a process is known by its start time too, where the system tells.
 */
export async function tryLock(file: string): Promise<Lock> {
  for (;;) {
    if (await createFile(file, identity(process.pid))) return { held: true, release: () => rm(file, { force: true }) };
    const content = await readFile(file, 'utf8').catch(() => undefined);
    if (content === undefined) continue;
    const owner = ownerOf(content);
    if (owner !== undefined) return { held: false, owner };
    await removeStale(file, content);
  }
}

/** The process that holds the lock; undefined when none does. */
export async function lockOwner(file: string): Promise<number | undefined> {
  return ownerOf(await readFile(file, 'utf8').catch(() => ''));
}

function ownerOf(content: string): number | undefined {
  const owner = Number(content.split(' ')[0]);
  return owner > 0 && alive(owner) && content === identity(owner) ? owner : undefined;
}

/** Runs `work` under the lock, after waiting for whoever has it. */
export async function withLock<Result>(file: string, onWait: () => void, work: () => Promise<Result>): Promise<Result> {
  let lock = await tryLock(file);
  if (!lock.held) onWait();
  while (!lock.held) {
    await sleep(200);
    lock = await tryLock(file);
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Whether there is a process with this id; one that belongs to another account counts. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Process id and, on Linux, its start time (field 22 of its stat, in ticks since boot). */
function identity(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return `${pid} ${fields[19] ?? ''}`;
  } catch {
    return `${pid} `;
  }
}

/** Two processes may find the same stale lock; the slower one must not remove the fresh lock of the faster. */
async function removeStale(file: string, content: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
    if ((await readFile(aside, 'utf8')) !== content) await link(aside, file);
  } catch {
    // another process was faster
  } finally {
    await rm(aside, { force: true });
  }
}

/** By a link, so that nobody sees the file before its content. */
async function createFile(file: string, content: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, content);
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
