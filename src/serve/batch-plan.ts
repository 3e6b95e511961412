import { createHash } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { exportLog } from '../log/export.ts';
import type { Source } from '../log/row.ts';
import { claimBatchFolder, replaceFile, requestsFile } from './batch-folder.ts';
import { fileStart, readPrompts } from './prompt-file.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** What a batch of inference is asked for, as people type it. */
const batchInput = z.strictObject({
  model: z.string().min(1),
  version: z.string().min(1).optional(),
  source: z.enum(['production', 'probe', 'eval']).default('production'),
  prompts: z.union(
    [
      z.strictObject({ file: z.string().min(1) }),
      z.strictObject({ requests: z.array(z.string().min(1).max(200)).min(1) }),
      z.strictObject({
        log: z.strictObject({ tag: z.string().optional(), from: time.optional(), to: time.optional() }),
      }),
    ],
    'wanted {"file":"…"}, {"requests":["…"]} or {"log":{"tag":"…","from":"…","to":"…"}}',
  ),
  output: z.string().min(1),
  requestsPerSecond: z.number().positive().max(100_000).optional(),
  chunk: z.number().int().min(1).max(1000).default(100),
});
export type BatchInput = z.input<typeof batchInput>;

/** A batch that has been looked through: every line can be read. */
export interface BatchPlan {
  model: string;
  /** Null: the champion of the moment. */
  version: string | null;
  source: Source;
  file: string;
  /** The file's size: it must not change under the run. */
  bytes: number;
  prompts: number;
  /** Folder of the answers. */
  output: string;
  /** Prompts in one step. */
  chunk: number;
  /** Least time from the start of one chunk to that of the next; 0: none. */
  everyMs: number;
}

/**
 * Looks at the input and at every line of the batch, and takes the output folder. Throws `invalid_arguments` or
 * `invalid_rows`; then nothing has been answered.
 */
export async function planBatch(db: Database, workflow: string, asked: unknown): Promise<BatchPlan> {
  const parsed = batchInput.safeParse(asked);
  if (!parsed.success) {
    const [problem] = parsed.error.issues;
    throw new RelearnError('invalid_arguments', `${problem?.path.join('.') || 'input'}: ${problem?.message}.`);
  }
  const input = parsed.data;
  const output = resolve(input.output);
  const file = 'file' in input.prompts ? resolve(input.prompts.file) : join(output, requestsFile);
  const prompts = 'file' in input.prompts ? await countPrompts(file) : 0;
  const key = JSON.stringify([workflow, input]);
  await claimBatchFolder(output, createHash('sha256').update(key).digest('hex'));
  const listed = 'file' in input.prompts ? prompts : await listRequests(db, input, file);
  if (listed === 0) throw new RelearnError('invalid_rows', `${file} holds no prompt.`);

  const { model, version = null, source, requestsPerSecond: limit } = input;
  // At most one second's requests leave at once.
  const chunk = limit === undefined ? input.chunk : Math.min(input.chunk, Math.max(1, Math.floor(limit)));
  const everyMs = limit === undefined ? 0 : Math.ceil((chunk / limit) * 1000);
  const { size: bytes } = await stat(file);
  return { model, version, source, file, bytes, prompts: listed, output, chunk, everyMs };
}

async function countPrompts(file: string): Promise<number> {
  let prompts = 0;
  for await (const line of readPrompts(file, fileStart)) prompts += line.next.byte > 0 ? 1 : 0;
  return prompts;
}

/** Writes the ids of the rows to be answered again, once: later attempts and steps see the same ones. */
async function listRequests(
  db: Database,
  { model, prompts }: z.output<typeof batchInput>,
  file: string,
): Promise<number> {
  const known = await stat(file).catch(() => null);
  if (known !== null) return countPrompts(file);
  const requests: string[] = 'requests' in prompts ? prompts.requests : [];
  if ('log' in prompts) {
    for await (const { request_id } of exportLog(db, { model, ...prompts.log })) requests.push(request_id);
  }
  const lines = requests.map((id) => `${JSON.stringify({ id, request_id: id })}\n`).join('');
  await replaceFile(file, (partial) => writeFile(partial, lines));
  return requests.length;
}
