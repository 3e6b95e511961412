import { mkdir, readdir, rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 } from 'uuid';

const beatMs = 2000;
/** A folder whose owner gave no sign for this long is another's to take. */
const deadMs = 15_000;
/** An owner that was held up longer than this looks for a new folder before it writes: others may be at its files. */
const staleMs = 10_000;
const ownerFile = 'owner';

export interface Lease {
  /** The folder that is ours to write to. Another one after this process was stopped for seconds. */
  folder(): Promise<string>;
  /** Moves the files of processes that are gone into our folder. Each file goes to one taker. Returns their names. */
  takeOver(): Promise<string[]>;
  /** Gives the folder up at once; removes it when it is empty. */
  release(): Promise<void>;
}

/**
 * A folder of our own below `directory`, which any number of processes share, on one machine or on several. We are alive
 * as long as the time of its file `owner` moves on; process ids would mean nothing to a process in another container.
 */
export function openLease(directory: string): Lease {
  let own: string | undefined;
  let lastBeat = 0;
  let timer: NodeJS.Timeout | undefined;

  async function beat(): Promise<void> {
    if (own === undefined) return;
    const now = new Date();
    await utimes(join(own, ownerFile), now, now);
    lastBeat = Date.now();
  }

  async function folder(): Promise<string> {
    if (own !== undefined && Date.now() - lastBeat < staleMs) return own;
    own = undefined;
    const fresh = join(directory, v7());
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await writeFile(join(fresh, ownerFile), '', { mode: 0o600 });
    [own, lastBeat] = [fresh, Date.now()];
    timer ??= setInterval(() => void beat().catch(() => undefined), beatMs);
    timer.unref();
    return fresh;
  }

  async function takeOver(): Promise<string[]> {
    const others = await readdir(directory).catch(() => []);
    const taken: string[] = [];
    for (const other of others.map((name) => join(directory, name))) {
      if (other === own || !(await isDead(other))) continue;
      for (const name of await readdir(other).catch(() => [])) {
        if (name === ownerFile) continue;
        // Whoever renames first has the file.
        const moved = await rename(join(other, name), join(await folder(), name)).then(
          () => true,
          () => false,
        );
        if (moved) taken.push(name);
      }
      await removeEmpty(other);
    }
    return taken;
  }

  async function release(): Promise<void> {
    clearInterval(timer);
    timer = undefined;
    if (own === undefined) return;
    const left = own;
    own = undefined;
    if (!(await removeEmpty(left)))
      await utimes(join(left, ownerFile), new Date(0), new Date(0)).catch(() => undefined);
  }

  return { folder, takeOver, release };
}

async function isDead(folder: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(join(folder, ownerFile))).mtimeMs > deadMs;
  } catch {
    // Without the file its owner is about to write it, or someone is about to remove the folder.
    const made = await stat(folder).catch(() => undefined);
    return made?.isDirectory() === true && Date.now() - made.mtimeMs > deadMs;
  }
}

async function removeEmpty(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  if (names.some((name) => name !== ownerFile)) return false;
  await rm(join(folder, ownerFile), { force: true });
  await rmdir(folder).catch(() => undefined);
  return true;
}
