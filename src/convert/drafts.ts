import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = 'draft-';

/** A step of a workflow ends within an hour (`bulk` in activity-options.ts): who wrote this has ended. */
const abandonedMs = 2 * 3_600_000;

/** Makes a folder among the datasets in which `write` makes a new one. What was not moved to its place is removed. */
export async function makeDraft<Result>(
  directory: string,
  write: (folder: string) => Promise<Result>,
): Promise<Result> {
  await mkdir(directory, { recursive: true });
  const folder = await mkdtemp(join(directory, prefix));
  try {
    return await write(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Removes the drafts that killed processes left among the datasets: they may hold rows that are erased since. One that was
 * written to in the last two hours may be a running build's, and stays. Answers how many it removed.
 */
export async function removeDrafts(directory: string, now = new Date()): Promise<number> {
  let removed = 0;
  for (const name of await namesIn(directory)) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(directory, name);
    if (now.getTime() - (await lastWritten(folder)) < abandonedMs) continue;
    await rm(folder, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

async function lastWritten(folder: string): Promise<number> {
  const paths = [folder, ...(await namesIn(folder)).map((name) => join(folder, name))];
  return Math.max(...(await Promise.all(paths.map(modifiedAt))));
}

/** Infinity for what was moved or removed meanwhile: someone is at work there. */
async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isGone(error)) return Infinity;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
