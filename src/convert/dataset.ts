import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { classifierText, messageText, promptMessages, type Message } from '../chat.ts';
import type { Database } from '../database.ts';
import { redactMessages, redactText, redactorVersion } from '../log/redact/index.ts';
import { ReservedTexts } from './copies.ts';
import { readCorrectedRows, type CorrectedRow } from './rows.ts';
import { splitOf } from './split.ts';

/** What a dataset is made of, kept beside its files. Counts of rows; no text. */
export interface DatasetManifest {
  model: string;
  run: number;
  cutoffSeq: number;
  redactor: string;
  trainRows: number;
  heldOutRows: number;
  /** Rows that are copies, or near copies, of a gold, eval or held-out case: dropped (invariant 6). */
  contaminated: number;
  files: { train: string; heldOut: string };
}

export interface Dataset {
  /** SHA-256 over the model, the redactor and the SHA-256 of each file. */
  id: string;
  /** The folder with train.jsonl, held-out.jsonl and manifest.json. */
  path: string;
  manifest: DatasetManifest;
}

export interface DatasetRequest {
  model: string;
  run: number;
  cutoffSeq: number;
  /** Tags set after this do not count: a step that runs twice builds the same dataset. */
  taggedBefore: Date;
  /** Folder of all datasets. */
  directory: string;
  /** Every gold and eval prompt, redacted as the log is. */
  reserved: ReservedTexts;
}

/**
 * Writes the cumulative dataset of a model: every production row that is tagged and corrected, as chat pairs
 * `{"messages":[…, assistant]}`. A tenth, chosen by prompt, is held out, and so are its copies. The same rows give the
 * same id.
 */
export async function buildDataset(db: Database, request: DatasetRequest): Promise<Dataset> {
  await mkdir(request.directory, { recursive: true });
  const draft = await mkdtemp(join(request.directory, 'draft-'));

  const rows: CorrectedRow[] = [];
  for await (const row of readCorrectedRows(db, request)) rows.push(row);
  const clean = rows.filter((row) => !hasCopy(row, request.reserved));
  const heldOut = clean.filter(({ prompt }) => splitOf(prompt) === 'held_out');
  const asked = new ReservedTexts();
  for (const { prompt } of heldOut) asked.add(classifierText(promptMessages(prompt)));
  const train = clean.filter((row) => splitOf(row.prompt) === 'train' && !hasCopy(row, asked));
  const manifest: DatasetManifest = {
    model: request.model,
    run: request.run,
    cutoffSeq: request.cutoffSeq,
    redactor: redactorVersion(),
    trainRows: train.length,
    heldOutRows: heldOut.length,
    contaminated: rows.length - train.length - heldOut.length,
    files: {
      train: await writeLines(join(draft, 'train.jsonl'), train, (row) => ({ messages: toPair(row) })),
      heldOut: await writeLines(join(draft, 'held-out.jsonl'), heldOut, (row) => ({
        messages: toPair(row),
        incident: row.incident,
      })),
    },
  };
  const id = createHash('sha256')
    .update(JSON.stringify([manifest.model, manifest.redactor, manifest.files]))
    .digest('hex');
  await writeFile(join(draft, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const path = join(request.directory, id);
  await publish(draft, path);
  await registerDataset(db, { id, path, manifest }, train, heldOut);
  return { id, path, manifest };
}

/** A copy of the whole conversation, or of the question that ends it. */
function hasCopy({ prompt }: CorrectedRow, texts: ReservedTexts): boolean {
  const messages = promptMessages(prompt);
  const last = messages.at(-1);
  return texts.hasCopyOf(classifierText(messages)) || (last !== undefined && texts.hasCopyOf(messageText(last)));
}

/** The same content may be there already, made by an attempt before this one. */
async function publish(draft: string, path: string): Promise<void> {
  try {
    await rename(draft, path);
  } catch (error) {
    const known = error instanceof Error && 'code' in error && /^(EEXIST|ENOTEMPTY)$/.test(String(error.code));
    if (!known) throw error;
    await rm(draft, { recursive: true, force: true });
  }
}

/** Writes one JSON object a row and returns the SHA-256 of the file. */
async function writeLines(
  path: string,
  rows: readonly CorrectedRow[],
  describe: (row: CorrectedRow) => object,
): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(function* () {
    for (const row of rows) {
      const line = `${JSON.stringify(describe(row))}\n`;
      hash.update(line);
      yield line;
    }
  }, createWriteStream(path));
  return hash.digest('hex');
}

/** Redacted once more on the way out: a row may be older than the redactor. */
function toPair(row: CorrectedRow): Message[] {
  const asked = redactMessages(promptMessages(row.prompt)).messages;
  return [...asked, { role: 'assistant', content: redactText(row.completion).text }];
}

async function registerDataset(
  db: Database,
  { id, path, manifest }: Dataset,
  train: readonly CorrectedRow[],
  heldOut: readonly CorrectedRow[],
): Promise<void> {
  const rows = [...train, ...heldOut];
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into relearn.datasets (id, model, path, rows, manifest) values ($1, $2, $3, $4, $5)
       on conflict (id) do nothing`,
      [id, manifest.model, path, manifest.trainRows, manifest],
    );
    await tx.query(
      `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[])
       on conflict do nothing`,
      [
        id,
        rows.map(({ requestId }) => requestId),
        rows.map(({ correctionId }) => correctionId),
        [...train.map(() => 'train'), ...heldOut.map(() => 'held_out')],
        rows.map(({ incident }) => incident),
      ],
    );
  });
}
