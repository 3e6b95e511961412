import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { RelearnError } from '../errors.ts';
import { readJsonl } from '../jsonl.ts';

/** One line of a result: an answer, or the code of the error that this prompt alone met. */
const batchAnswer = z.object({
  id: z.union([z.string(), z.number()]),
  request_id: z.string().optional(),
  version: z.string().optional(),
  /** Redacted, as in the log. */
  response: z.string().optional(),
  logprob: z.number().nullish(),
  error: z.string().optional(),
});
export type BatchAnswer = z.output<typeof batchAnswer>;

export const requestsFile = 'requests.jsonl';
const answersFile = 'answers.jsonl';
const joinedFile = 'joined';

/**
 * Takes a folder for the run of this `key`, which names workflow and input: the same run may come again and finds its
 * parts. Throws `invalid_arguments` when another run has it, or this one is finished.
 */
export async function claimBatchFolder(folder: string, key: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'run.json');
  const run = `${JSON.stringify({ run: key })}\n`;
  await writeFile(path, run, { flag: 'wx' }).catch(async (error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error;
    const own = (await readFile(path, 'utf8')) === run;
    if (own && !existsSync(join(folder, joinedFile))) return;
    const state = own ? 'all its answers already' : 'the answers of another run';
    throw new RelearnError('invalid_arguments', `output: ${folder} holds ${state}. Name another folder.`);
  });
}

/** The answers of a part that is written already, or null. */
export async function readPart(folder: string, part: number): Promise<BatchAnswer[] | null> {
  const answers: BatchAnswer[] = [];
  try {
    for await (const answer of readJsonl(join(folder, partFile(part)), batchAnswer)) answers.push(answer);
    return answers;
  } catch (error) {
    if (error instanceof RelearnError && isCode(error.cause, 'ENOENT')) return null;
    throw error;
  }
}

export async function writePart(folder: string, part: number, answers: readonly BatchAnswer[]): Promise<void> {
  const lines = answers.map((answer) => `${JSON.stringify(answer)}\n`).join('');
  await replaceFile(join(folder, partFile(part)), (path) => writeFile(path, lines));
}

/** Joins the parts into `answers.jsonl`, whose path it returns, and removes them. May run again. */
export async function joinParts(folder: string, parts: number): Promise<string> {
  const path = join(folder, answersFile);
  const paths = Array.from({ length: parts }, (_, part) => join(folder, partFile(part)));
  if (!existsSync(join(folder, joinedFile))) {
    await replaceFile(path, async (partial) => {
      await writeFile(partial, '');
      for (const from of paths) await pipeline(createReadStream(from), createWriteStream(partial, { flags: 'a' }));
    });
    await writeFile(join(folder, joinedFile), '');
  }
  await Promise.all(paths.map((from) => rm(from, { force: true })));
  return path;
}

/** A file that is there is whole: whoever writes it writes beside it and renames. */
export async function replaceFile(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await write(partial);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

function partFile(part: number): string {
  return `part-${String(part).padStart(5, '0')}.jsonl`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
