import { open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v7 } from 'uuid';
import { lanes, laneOf, type Lane } from '../queue.ts';
import type { LogRow } from '../row.ts';
import { inSlices } from '../slices.ts';
import { openLease } from './lease.ts';
import { formatRow, formatTally, parseSpooled, type SpooledContent, type Tally } from './lines.ts';

export interface SpoolOptions {
  /** Shared by the processes of a deployment; each has a folder of its own in it. */
  directory: string;
  maxBytes: number;
  /** Told what was given up to make room for rows that are worth more. */
  onGivenUp: (lane: Lane, content: SpooledContent) => void;
  /** Told the system's code when the disk refuses a write for another reason than being full. */
  onProblem: (code: string) => void;
}

export interface SpoolFile {
  path: string;
  lane: Lane;
  bytes: number;
  rows: number;
  /** Nothing more is written to it. */
  sealed: boolean;
  /** Being replayed: not given up. */
  held: boolean;
}

export interface Spool {
  /** Puts rows on the disk, with fdatasync, and returns those there is no room for. */
  append(rows: readonly LogRow[]): Promise<LogRow[]>;
  /** As `append`; false when there is no room. */
  appendTally(tally: Tally): Promise<boolean>;
  /** The file to replay next: the best lane, the oldest first. Give it back by `remove` or `putOff`. */
  next(): Promise<SpoolFile | undefined>;
  read(file: SpoolFile): Promise<SpooledContent>;
  remove(file: SpoolFile): Promise<void>;
  putOff(file: SpoolFile): void;
  /** Takes the files of processes that are gone. */
  takeOver(): Promise<void>;
  counts(): { files: number; bytes: number; rows: number };
  /** Leaves what is there to the next process. */
  close(): Promise<void>;
}

const chunkRows = 500;
const fileBytes = 512 * 1024;

/**
 * Rows on the disk, redacted, readable by their owner only (0700, 0600). What `append` took survives the end of the
 * process and of the machine.
 */
export function openSpool({ directory, maxBytes, onGivenUp, onProblem }: SpoolOptions): Spool {
  const lease = openLease(directory);
  let files: SpoolFile[] = [];
  let writing: Promise<unknown> = Promise.resolve();

  const bytes = () => files.reduce((sum, file) => sum + file.bytes, 0);
  const forget = (file: SpoolFile): void => void (files = files.filter((other) => other !== file));

  /** Leaves the files of a folder that is ours no more to whoever takes them over. */
  async function ownFolder(): Promise<string> {
    const folder = await lease.folder();
    files = files.filter((file) => dirname(file.path) === folder);
    return folder;
  }

  /** The file of the lane that is written to. */
  async function current(lane: Lane): Promise<SpoolFile> {
    const folder = await ownFolder();
    const open = files.find((file) => file.lane === lane && !file.sealed && file.bytes < fileBytes);
    if (open !== undefined) return open;
    // UUIDv7: in order of time, and never the name of a file that is taken over.
    return { path: join(folder, `${v7()}-${lane}.jsonl`), lane, bytes: 0, rows: 0, sealed: false, held: false };
  }

  /** Removes the newest file of a lesser lane. */
  async function giveUpWorse(than: Lane): Promise<boolean> {
    for (const lane of lanes.slice(lanes.indexOf(than) + 1).reverse()) {
      const file = files.findLast((other) => other.lane === lane && !other.held);
      if (file === undefined) continue;
      file.held = file.sealed = true;
      const content = await read(file);
      await remove(file);
      onGivenUp(lane, content);
      return true;
    }
    return false;
  }

  /** All of it or nothing. */
  async function write(lane: Lane, text: readonly string[], rows: number): Promise<boolean> {
    const buffers = text.map((part) => Buffer.from(part));
    const size = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    for (;;) {
      if (bytes() + size <= maxBytes) {
        const problem = await tryWrite(lane, buffers, size, rows);
        if (problem === undefined) return true;
        if (problem !== 'ENOSPC' && problem !== 'EDQUOT') onProblem(problem);
      }
      if (!(await giveUpWorse(lane))) return false;
    }
  }

  async function tryWrite(lane: Lane, buffers: Buffer[], size: number, rows: number): Promise<string | undefined> {
    try {
      const file = await current(lane);
      const before = file.bytes;
      await appendSynced(file.path, buffers, before);
      if (before === 0) files.push(file);
      file.bytes = before + size;
      file.rows += rows;
      return undefined;
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    }
  }

  async function append(rows: readonly LogRow[]): Promise<LogRow[]> {
    const left: LogRow[] = [];
    for (const lane of lanes) {
      const own = rows.filter((row) => laneOf(row) === lane);
      for (let at = 0; at < own.length; at += chunkRows) {
        const chunk = own.slice(at, at + chunkRows);
        const text: string[] = [];
        for await (const part of inSlices(chunk, (slice) => slice.map(formatRow).join(''))) text.push(part);
        if (await write(lane, text, chunk.length)) continue;
        left.push(...own.slice(at));
        break;
      }
    }
    return left;
  }

  async function read(file: SpoolFile): Promise<SpooledContent> {
    return parseSpooled(await readFile(file.path, 'utf8').catch(emptyIfGone));
  }

  async function remove(file: SpoolFile): Promise<void> {
    await rm(file.path, { force: true });
    forget(file);
  }

  async function next(): Promise<SpoolFile | undefined> {
    const free = files.filter((file) => !file.held);
    const lane = lanes.find((name) => free.some((file) => file.lane === name));
    const file = free.find((other) => other.lane === lane);
    if (file === undefined) return undefined;
    file.held = file.sealed = true;
    await writing;
    return file;
  }

  async function takeOver(): Promise<void> {
    const folder = await ownFolder();
    const taken = (await lease.takeOver()).sort();
    for (const name of taken) {
      const lane = lanes.find((known) => name.endsWith(`-${known}.jsonl`));
      if (lane === undefined) continue;
      const text = await readFile(join(folder, name));
      const rows = text.toString().split('\n').length - 1;
      files.push({ path: join(folder, name), lane, bytes: text.length, rows, sealed: true, held: false });
    }
  }

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const done = writing.then(work);
    writing = done.catch(() => undefined);
    return done;
  };

  return {
    append: (rows) => inTurn(() => append(rows)),
    appendTally: (tally) => inTurn(() => write('kept', [formatTally(tally)], 0)),
    takeOver: () => inTurn(takeOver),
    ...{ next, read, remove },
    putOff: (file) => void (file.held = false),
    counts: () => ({ files: files.length, bytes: bytes(), rows: files.reduce((sum, { rows }) => sum + rows, 0) }),
    async close() {
      await writing;
      await lease.release();
    },
  };
}

/** After this process was stopped for seconds another may have taken the file. */
function emptyIfGone(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}

/** Appends at `position`; on failure cuts the file back to it. A new file's folder is synced too. */
async function appendSynced(path: string, buffers: Buffer[], position: number): Promise<void> {
  const handle = await open(path, 'a', 0o600);
  try {
    await handle.truncate(position);
    for (const buffer of buffers) await handle.appendFile(buffer);
    await handle.datasync();
  } catch (error) {
    if (position === 0) await rm(path, { force: true });
    else await handle.truncate(position);
    throw error;
  } finally {
    await handle.close();
  }
  if (position > 0) return;
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
