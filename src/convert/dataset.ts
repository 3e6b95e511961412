import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classifierText, promptMessages } from '../chat.ts';
import type { Database } from '../database.ts';
import { redactorVersion } from '../log/redact/index.ts';
import { KnownTexts } from './copies.ts';
import { writeDatasetFiles } from './dataset-files.ts';
import { hasCopy } from './decontaminate.ts';
import { describeRows, type DatasetManifest } from './manifest.ts';
import { readCorrectedRows, type CorrectedRow } from './rows.ts';
import { splitOf } from './split.ts';
import { keepUnique, type DroppedRow } from './unique.ts';

export interface Dataset {
  /** SHA-256 over the model, the redactor and the SHA-256 of each file that is learned from or held out. */
  id: string;
  /** The folder with train.jsonl, held-out.jsonl, rows.jsonl, dropped.jsonl and manifest.json. */
  path: string;
  manifest: DatasetManifest;
}

export interface DatasetRequest {
  model: string;
  /** 0 for none. */
  run: number;
  /** What the run answers: drift, cadence, cluster, manual. */
  triggers: readonly string[];
  cutoffSeq: number;
  /** Tags set after this do not count: a step that runs twice builds the same dataset. */
  taggedBefore: Date;
  /** Folder of all datasets. */
  directory: string;
  /** Every gold and eval prompt, redacted as the log is. */
  reserved: KnownTexts;
  /** Formats of preference files to write beside the chat pairs. */
  preferences?: readonly ('openai' | 'trl')[];
  /** Rows of a base set to write beside the corrected ones, for each of them. */
  replay?: { base: string; perRow: number } | undefined;
}

/** What becomes of the corrected rows. */
export interface Parts {
  train: readonly CorrectedRow[];
  heldOut: readonly CorrectedRow[];
  dropped: readonly DroppedRow[];
}

/**
 * Writes the cumulative dataset of a model: every production row that is tagged and corrected, as chat pairs
 * `{"messages":[…, assistant]}`; what is said several times, once. A tenth, chosen by prompt, is held out, and so are
 * its copies. The same rows give the same id.
 */
export async function buildDataset(db: Database, request: DatasetRequest): Promise<Dataset> {
  const { dataset, parts } = await writeDataset(db, request);
  await registerDataset(db, dataset, parts);
  return dataset;
}

/** Writes the files of a dataset that no run is to learn from: nothing is registered. */
export async function exportDataset(db: Database, request: DatasetRequest): Promise<Dataset> {
  return (await writeDataset(db, request)).dataset;
}

async function writeDataset(db: Database, request: DatasetRequest): Promise<{ dataset: Dataset; parts: Parts }> {
  const rows: CorrectedRow[] = [];
  for await (const row of readCorrectedRows(db, request)) rows.push(row);
  const parts = divideRows(rows, request.reserved);

  await mkdir(request.directory, { recursive: true });
  const draft = await mkdtemp(join(request.directory, 'draft-'));
  const written = await writeDatasetFiles(draft, parts, request);
  const manifest: DatasetManifest = {
    model: request.model,
    run: request.run,
    triggers: [...request.triggers],
    cutoffSeq: request.cutoffSeq,
    redactor: redactorVersion(),
    ...describeRows(parts),
    ...written,
  };
  const id = identifyDataset(manifest);
  await writeFile(join(draft, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const path = join(request.directory, id);
  await publishDataset(draft, path);
  return { dataset: { id, path, manifest }, parts };
}

/** The id of a dataset. Which rows it came from does not count: the same lessons from other requests are the same dataset. */
export function identifyDataset({ model, redactor, files }: DatasetManifest): string {
  const learned = Object.entries(files).filter(([name]) => name !== 'rows' && name !== 'dropped');
  return createHash('sha256')
    .update(JSON.stringify([model, redactor, learned.map(([name, { sha256 }]) => [name, sha256])]))
    .digest('hex');
}

/** Drops what is reserved, keeps one row of what is said several times, and holds out a tenth and its near copies. */
export function divideRows(rows: readonly CorrectedRow[], reserved: KnownTexts): Parts {
  const contaminated: CorrectedRow[] = [];
  const keepFree = (candidates: readonly CorrectedRow[], texts: KnownTexts) =>
    candidates.filter((row) => {
      const isCopy = hasCopy(promptMessages(row.prompt), texts);
      if (isCopy) contaminated.push(row);
      return !isCopy;
    });
  const { kept, dropped } = keepUnique(keepFree(rows, reserved));
  const heldOut = kept.filter(({ prompt }) => splitOf(prompt) === 'held_out');
  const asked = new KnownTexts();
  for (const { prompt } of heldOut) asked.add(classifierText(promptMessages(prompt)));
  const train = keepFree(
    kept.filter(({ prompt }) => splitOf(prompt) === 'train'),
    asked,
  );
  const copies = contaminated.map((row): DroppedRow => ({ row, because: 'contaminated', of: null }));
  return { train, heldOut, dropped: [...dropped, ...copies] };
}

/** Moves a finished dataset to its place. The same content may be there already, made by an attempt before this one. */
export async function publishDataset(draft: string, path: string): Promise<void> {
  try {
    await rename(draft, path);
  } catch (error) {
    const known = error instanceof Error && 'code' in error && /^(EEXIST|ENOTEMPTY)$/.test(String(error.code));
    if (!known) throw error;
    await rm(draft, { recursive: true, force: true });
  }
}

/** Duplicates are registered as well: what they say was learned through the row that stands for them. */
async function registerDataset(
  db: Database,
  { id, path, manifest }: Dataset,
  { train, heldOut, dropped }: Parts,
): Promise<void> {
  const duplicates = dropped.filter(({ because }) => because === 'duplicate').map(({ row }) => row);
  const rows = [...train, ...heldOut, ...duplicates];
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
        [...train.map(() => 'train'), ...heldOut.map(() => 'held_out'), ...duplicates.map(() => 'duplicate')],
        rows.map(({ incident }) => incident),
      ],
    );
  });
}
