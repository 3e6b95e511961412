import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { classifierText, messageText, promptMessages, type Message } from '../chat.ts';
import type { Database } from '../database.ts';
import { redactMessages, redactText, redactorVersion } from '../log/redact/index.ts';
import type { ReservedTexts } from './copies.ts';
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
  /** Rows that are copies, or near copies, of a gold or eval case: dropped (invariant 6). */
  contaminated: number;
  files: { train: string; heldOut: string };
}

export interface Dataset {
  /** SHA-256 over the manifest, which names the SHA-256 of each file. */
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
 * `{"messages":[…, assistant]}`. A tenth, chosen by request id, is held out. The same rows give the same id.
 */
export async function buildDataset(db: Database, request: DatasetRequest): Promise<Dataset> {
  const draft = join(request.directory, `draft-${request.model}-${request.run}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });

  const kept: { row: CorrectedRow; split: 'train' | 'held_out' }[] = [];
  let contaminated = 0;
  for await (const row of readCorrectedRows(db, request)) {
    if (isReserved(row, request.reserved)) contaminated += 1;
    else kept.push({ row, split: splitOf(row.requestId) });
  }
  const rowsOf = (split: 'train' | 'held_out') => kept.filter((entry) => entry.split === split).map(({ row }) => row);
  const train = rowsOf('train');
  const heldOut = rowsOf('held_out');
  const manifest: DatasetManifest = {
    model: request.model,
    run: request.run,
    cutoffSeq: request.cutoffSeq,
    redactor: redactorVersion,
    trainRows: train.length,
    heldOutRows: heldOut.length,
    contaminated,
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
  await rm(path, { recursive: true, force: true });
  await rename(draft, path);
  await registerDataset(db, { id, path, manifest }, kept);
  return { id, path, manifest };
}

/** A copy of the whole conversation, or of the question that ends it. */
function isReserved({ prompt }: CorrectedRow, reserved: ReservedTexts): boolean {
  const messages = promptMessages(prompt);
  const last = messages.at(-1);
  return reserved.hasCopyOf(classifierText(messages)) || (last !== undefined && reserved.hasCopyOf(messageText(last)));
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
  kept: readonly { row: CorrectedRow; split: string }[],
): Promise<void> {
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
        kept.map(({ row }) => row.requestId),
        kept.map(({ row }) => row.correctionId),
        kept.map(({ split }) => split),
        kept.map(({ row }) => row.incident),
      ],
    );
  });
}
