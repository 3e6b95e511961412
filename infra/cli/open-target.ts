import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { RelearnError } from '../../src/errors.ts';

/** Where an export goes: a file, written anew, or standard output. Throws `invalid_arguments`. */
export async function openTarget(out: string | undefined): Promise<Writable> {
  if (out === undefined) return process.stdout;
  try {
    return (await open(out, 'w')).createWriteStream();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    const message = `Cannot write --out ${out}${code}. Wanted a file in a folder that is there and may be written to.`;
    throw new RelearnError('invalid_arguments', message, { cause });
  }
}
