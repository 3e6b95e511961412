import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { RelearnError } from './errors.ts';

/** A labelled text: what gold sets, eval packs and base sets are made of. */
export const exampleSchema = z.object({
  prompt: z.string().min(1),
  completion: z.string().min(1),
  slice: z.string().min(1).optional(),
});
export type Example = z.output<typeof exampleSchema>;

/**
 * Reads a JSONL file line by line. A broken line fails with file and line number, and without the line's text.
 * Blank lines are skipped. With `gzip` the file is compressed.
 */
export async function* readJsonl<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  options: { gzip?: boolean } = {},
): AsyncGenerator<z.output<Schema>> {
  for await (const { row } of readNumberedJsonl(path, schema, options)) yield row;
}

/** As `readJsonl`, each row with its place (file and line number) for errors about it. */
export async function* readNumberedJsonl<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  { gzip = false }: { gzip?: boolean } = {},
): AsyncGenerator<{ row: z.output<Schema>; where: string }> {
  const file = createReadStream(path);
  const stream = gzip ? pipeline(file, createGunzip(), () => undefined) : file; // the reader meets the error
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  let number = 0;
  try {
    for await (const line of lines) {
      number += 1;
      if (line.trim() === '') continue;
      const where = `${path}:${number}`;
      yield { row: parseLine(line, schema, where), where };
    }
  } catch (error) {
    if (error instanceof RelearnError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const wanted = code.startsWith('Z_')
      ? 'It is cut short, damaged or not compressed. Wanted a whole gzip file of JSONL.'
      : 'Wanted a JSONL file.';
    throw new RelearnError('invalid_rows', `Cannot read ${path} (${code}). ${wanted}`, { cause: error });
  } finally {
    lines.close();
    stream.destroy();
    file.destroy();
  }
}

/** One line of JSONL. `where` names it in the error. */
export function parseLine<Schema extends z.ZodType>(line: string, schema: Schema, where: string): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new RelearnError('invalid_rows', `${where}: not JSON. Wanted one JSON object a line.`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues[0];
  throw new RelearnError('invalid_rows', `${where}: ${problem?.path.join('.') || 'row'}: ${problem?.message}.`);
}

/** The whole file in memory. */
export async function readExamples(path: string): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const example of readJsonl(path, exampleSchema)) examples.push(example);
  if (examples.length === 0) {
    throw new RelearnError('invalid_rows', `${path} holds no row. Wanted JSONL of {"prompt","completion"}.`);
  }
  return examples;
}
