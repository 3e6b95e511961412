import { createHash } from 'node:crypto';
import { RelearnError } from '../errors.ts';
import { readExamples } from '../jsonl.ts';
import { digestFile } from '../promote/artifacts.ts';

/** Every case belongs to this slice, and to its own. */
export const wholePack = 'all';

/** One case of an eval pack. */
export interface PackCase {
  /** First 12 hex digits of the SHA-256 of the prompt: pairs the answers of two versions. */
  id: string;
  prompt: string;
  completion: string;
  /** Its own slice; `all` when the file names none. */
  slice: string;
}

export interface Pack {
  /** SHA-256 of the file, in hex. */
  sha256: string;
  cases: PackCase[];
}

/**
 * Reads an eval pack (JSONL of prompt, completion and an optional slice). A broken line fails with `invalid_rows`,
 * file and line number. A case that stands twice counts once; one prompt with two completions fails, since no model
 * could pass both.
 */
export async function readPack(path: string): Promise<Pack> {
  const cases = new Map<string, PackCase>();
  for (const { prompt, completion, slice } of await readExamples(path)) {
    const id = caseId(prompt);
    const known = cases.get(id);
    if (known !== undefined && known.completion.trim() !== completion.trim()) {
      throw new RelearnError(
        'invalid_rows',
        `${path}: the prompt of case ${id} stands twice with different completions. Keep the right one.`,
      );
    }
    if (known === undefined) cases.set(id, { id, prompt, completion, slice: slice ?? wholePack });
  }
  return { sha256: await digestFile(path), cases: [...cases.values()] };
}

/** The id of the case that asks `prompt`. */
export function caseId(prompt: string): string {
  return createHash('sha256').update(prompt).digest('hex').slice(0, 12);
}
