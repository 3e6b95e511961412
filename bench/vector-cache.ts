import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { readJsonl } from '../src/jsonl.ts';

const entrySchema = z.object({ key: z.string(), vector: z.base64() });
const entriesAtOnce = 500;

/**
 * Answers `embed` from a file where it can, and keeps there what it had to compute: a run that was stopped goes on where it
 * was. Call `save` at the end.
 */
export async function cacheVectors(file: string, embed: (text: string) => Promise<Float32Array>) {
  const known = new Map<string, Float32Array>();
  if (existsSync(file)) {
    for await (const { key, vector } of readJsonl(file, entrySchema)) {
      known.set(key, new Float32Array(new Uint8Array(Buffer.from(vector, 'base64')).buffer));
    }
  }
  let fresh: string[] = [];
  async function save(): Promise<void> {
    await appendFile(file, fresh.join(''));
    fresh = [];
  }
  return {
    async embed(text: string): Promise<Float32Array> {
      const key = createHash('sha256').update(text).digest('hex');
      const found = known.get(key);
      if (found !== undefined) return found;
      const vector = Float32Array.from(await embed(text));
      known.set(key, vector);
      fresh.push(`${JSON.stringify({ key, vector: Buffer.from(vector.buffer).toString('base64') })}\n`);
      if (fresh.length >= entriesAtOnce) await save();
      return vector;
    },
    save,
  };
}
