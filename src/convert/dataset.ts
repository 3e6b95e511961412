import { createHash } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classifierText, promptMessages } from '../chat.ts';
import type { Database } from '../database.ts';
import { redactorVersion } from '../log/redact/index.ts';
import { KnownTexts } from './copies.ts';
import { writeDatasetFiles } from './dataset-files.ts';
import { withDatasetsLocked } from './dataset-lock.ts';
import { hasCopy } from './decontaminate.ts';
import { makeDraft } from './drafts.ts';
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
  for (;;) {
    const dataset = await makeDraft(request.directory, async (folder) => {
      const draft = await writeDraft(db, request, folder);
      return withDatasetsLocked(db, async () => {
        if (await wereErased(db, draft.parts)) return null;
        await registerRows(db, draft);
        await publishDataset(db, folder, draft.dataset);
        return draft.dataset;
      });
    });
    if (dataset !== null) return dataset;
  }
}

/** Writes the files of a dataset that no run is to learn from: nothing is registered. */
export async function exportDataset(db: Database, request: DatasetRequest): Promise<Dataset> {
  return makeDraft(request.directory, async (folder) => {
    const { dataset } = await writeDraft(db, request, folder);
    await moveDataset(folder, dataset.path);
    return dataset;
  });
}

interface Draft {
  dataset: Dataset;
  parts: Parts;
}

async function writeDraft(db: Database, request: DatasetRequest, folder: string): Promise<Draft> {
  const rows: CorrectedRow[] = [];
  for await (const row of readCorrectedRows(db, request)) rows.push(row);
  const parts = divideRows(rows, request.reserved);

  const written = await writeDatasetFiles(folder, parts, request);
  const manifest: DatasetManifest = {
    model: request.model,
    run: request.run,
    triggers: [...request.triggers],
    cutoffSeq: request.cutoffSeq,
    redactor: redactorVersion(),
    ...describeRows(parts),
    ...written,
  };
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const id = identifyDataset(manifest);
  return { dataset: { id, path: join(request.directory, id), manifest }, parts };
}

/** An erasure that has passed since they were read has not seen this dataset, and sees no draft. */
async function wereErased(db: Database, { train, heldOut, dropped }: Parts): Promise<boolean> {
  const rows = [...train, ...heldOut, ...dropped.map(({ row }) => row)];
  const gone = await db.query(
    `select 1 from unnest($1::text[]) read (correction)
     where not exists (select from relearn.corrections c where c.id = read.correction) limit 1`,
    [rows.map(({ correctionId }) => correctionId)],
  );
  return gone.length > 0;
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

/** Moves the files of a registered dataset to their place, and says so. */
export async function publishDataset(
  db: Database,
  draft: string,
  { id, path }: Pick<Dataset, 'id' | 'path'>,
): Promise<void> {
  await moveDataset(draft, path);
  await db.query(`update relearn.datasets set path = $2 where id = $1`, [id, path]);
}

/** The same content may be there already, made by an attempt before this one. */
async function moveDataset(draft: string, path: string): Promise<void> {
  try {
    await rename(draft, path);
  } catch (error) {
    const known = error instanceof Error && 'code' in error && /^(EEXIST|ENOTEMPTY)$/.test(String(error.code));
    if (!known) throw error;
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * Registers a dataset before its files are moved, so that no text lies in a folder that an erasure does not know of: its
 * path is '' till then. One that was revised, and is made again of what others said, is a dataset of its own again.
 */
export async function registerDataset(db: Database, { id, manifest }: Pick<Dataset, 'id' | 'manifest'>): Promise<void> {
  await db.query(
    `insert into relearn.datasets (id, model, path, rows, manifest) values ($1, $2, '', $3, $4)
     on conflict (id) do update set manifest = excluded.manifest, path = '', revised_by = null, erased_at = null
       where datasets.revised_by is not null`,
    [id, manifest.model, manifest.trainRows, manifest],
  );
}

/** Duplicates are registered as well: what they say was learned through the row that stands for them. */
async function registerRows(db: Database, { dataset, parts }: Draft): Promise<void> {
  const { train, heldOut, dropped } = parts;
  const duplicates = dropped.filter(({ because }) => because === 'duplicate').map(({ row }) => row);
  const rows = [...train, ...heldOut, ...duplicates];
  await db.transaction(async (tx) => {
    await registerDataset(tx, dataset);
    await tx.query(
      `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[])
       on conflict do nothing`,
      [
        dataset.id,
        rows.map(({ requestId }) => requestId),
        rows.map(({ correctionId }) => correctionId),
        [...train.map(() => 'train'), ...heldOut.map(() => 'held_out'), ...duplicates.map(() => 'duplicate')],
        rows.map(({ incident }) => incident),
      ],
    );
  });
}
