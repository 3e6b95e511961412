import { rm, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { lockOwner } from './lock.ts';

const stackSchema = z.object({
  /** Process of `relearn up`. */
  pid: z.number().int(),
  startedAt: z.string(),
  urls: z.object({
    gateway: z.string(),
    console: z.string(),
    /** Only of the embedded server. */
    temporalUi: z.string().optional(),
    /** host:port. */
    temporal: z.string(),
    database: z.string(),
  }),
  namespace: z.string(),
  /** Of what runs now, by name. */
  pids: z.record(z.string(), z.number().int()),
});

/** A running `relearn up`, as other commands beside it find it. */
export type StackFile = z.output<typeof stackSchema>;
export type StackUrls = StackFile['urls'];

const path = (stateDir: string) => join(stateDir, 'stack.json');

/** The lock that `relearn up` holds while it runs. */
export const stackLock = (stateDir: string) => join(stateDir, 'lock');

/** Readable by its owner only: it holds the database's password. */
export async function writeStackFile(stateDir: string, stack: StackFile): Promise<void> {
  const partial = `${path(stateDir)}.partial`;
  await writeFile(partial, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 });
  await rename(partial, path(stateDir));
}

export async function removeStackFile(stateDir: string): Promise<void> {
  await rm(path(stateDir), { force: true });
}

/** What runs in `stateDir`; undefined when nothing does, or when its process is gone. */
export async function readStackFile(stateDir: string): Promise<StackFile | undefined> {
  const owner = await lockOwner(stackLock(stateDir));
  const text = await readFile(path(stateDir), 'utf8').catch(() => undefined);
  if (text === undefined || owner === undefined) return undefined;
  const parsed = stackSchema.safeParse(JSON.parse(text));
  return parsed.success && parsed.data.pid === owner ? parsed.data : undefined;
}
