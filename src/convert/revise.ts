import { existsSync } from 'node:fs';
import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readTools } from '../chat.ts';
import type { Database } from '../database.ts';
import { readJsonl } from '../jsonl.ts';
import { writeLines } from './dataset-files.ts';
import { withDatasetsLocked } from './dataset-lock.ts';
import { identifyDataset, publishDataset, registerDataset } from './dataset.ts';
import { makeDraft } from './drafts.ts';
import { countDropped, manifestSchema, type DatasetManifest, type WrittenFile } from './manifest.ts';

export interface Revision {
  id: string;
  revision: string;
}

interface ForgottenDuplicates {
  id: string;
  manifest: DatasetManifest;
  /** Files that take the place of those in `folder`. */
  draft: string;
  folder: string;
  erased: ReadonlySet<string>;
}

interface ErasedFrom {
  userIdHash: string;
  /** Folder of all datasets. */
  directory: string;
}

/**
 * Revises every dataset that holds rows of an erasure, revisions by other erasures at the same time included; `tell` gets
 * how many meanwhile. Done twice, it answers the same.
 */
export async function reviseDatasets(
  db: Database,
  { userIdHash, directory }: ErasedFrom,
  tell: (revised: number) => void = () => {},
): Promise<Revision[]> {
  const revised = new Map<string, Revision | null>();
  for (;;) {
    // Within the lock, so that what is being registered is seen.
    const found = await withDatasetsLocked(db, () => findDatasetsOfUser(db, { userIdHash, directory }));
    const left = found.filter((id) => !revised.has(id));
    if (left.length === 0) return [...revised.values()].filter((revision) => revision !== null);
    for (const id of left) {
      revised.set(id, await reviseDataset(db, { id, userIdHash, directory }));
      tell(revised.size);
    }
  }
}

/** Datasets that hold rows of an erasure, and those that list one as left out. */
export async function findDatasetsOfUser(db: Database, { userIdHash, directory }: ErasedFrom): Promise<string[]> {
  const found = await db.query<{ id: string }>(
    `select distinct d.dataset as id from relearn.dataset_rows d
     join relearn.erasure_rows e on e.request_id = d.request_id
     where e.user_id_hash = $1 order by 1`,
    [userIdHash],
  );
  const others = await db.query<{ id: string }>(
    `select id from relearn.datasets
     where revised_by is null and id <> all ($1) and manifest -> 'dropped' <> '{"conflict":0,"duplicate":0,"contaminated":0}'
     order by 1`,
    [found.map(({ id }) => id)],
  );
  const erased = await readErased(db, userIdHash);
  for (const { id } of erased.size === 0 ? [] : others) {
    if (await listsAsDropped(join(directory, id), erased)) found.push({ id });
  }
  return found.map(({ id }) => id);
}

/** The rows of conflicts and copies are listed in a file only: nothing was learned from them. */
async function listsAsDropped(folder: string, erased: ReadonlySet<string>): Promise<boolean> {
  if (!existsSync(join(folder, 'dropped.jsonl'))) return false;
  for await (const { request_id } of readJsonl(join(folder, 'dropped.jsonl'), droppedSchema)) {
    if (erased.has(request_id)) return true;
  }
  return false;
}

/** The dataset as it is now: itself, or the latest revision that replaces it. */
export async function latestRevision(db: Database, id: string): Promise<string> {
  const [latest] = await db.query<{ id: string }>(
    `with recursive chain as (
       select id, revised_by from relearn.datasets where id = $1
       union
       select d.id, d.revised_by from relearn.datasets d join chain on d.id = chain.revised_by
     )
     select id from chain where revised_by is null`,
    [id],
  );
  return latest?.id ?? id;
}

/**
 * Replaces a dataset by one without the rows of an erased user, and deletes its files. Who learned from which request
 * stays known, by ids. Done twice, it is the same. Null: the rows were only duplicates of others' rows or left out, nothing
 * was learned from them, and the dataset keeps its id and what is learned from; only its lists forget them.
 */
export async function reviseDataset(db: Database, dataset: ErasedFrom & { id: string }): Promise<Revision | null> {
  return withDatasetsLocked(db, () => reviseAlone(db, dataset));
}

async function reviseAlone(
  db: Database,
  { id, userIdHash, directory }: ErasedFrom & { id: string },
): Promise<Revision | null> {
  const folder = join(directory, id);
  const [known] = await db.query<{ revision: string | null; path: string }>(
    `select revised_by as revision, path from relearn.datasets where id = $1`,
    [id],
  );
  if (typeof known?.revision === 'string') {
    await rm(folder, { recursive: true, force: true });
    return { id, revision: known.revision };
  }
  // Whoever made it was killed before its files were in their place.
  if (known?.path === '' && !existsSync(folder)) return { id, revision: id };
  const erased = await readErased(db, userIdHash);
  return makeDraft(directory, async (draft) => {
    const written = await writeWithout(folder, draft, erased);
    const revision = identifyDataset(written);
    const manifest = revision === id ? written : { ...written, revises: id };
    await writeFile(join(draft, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    if (revision === id) {
      await forgetDuplicates(db, { id, manifest, draft, folder, erased });
      return null;
    }
    await registerRevision(db, { id, revision, manifest, erased });
    await publishDataset(db, draft, { id: revision, path: join(directory, revision) });
    await db.query(`update relearn.datasets set revised_by = $2, erased_at = now() where id = $1`, [id, revision]);
    await rm(folder, { recursive: true, force: true });
    return { id, revision };
  });
}

interface NewRevision extends Revision {
  manifest: DatasetManifest;
  erased: ReadonlySet<string>;
}

/** With the rows that are left, so that another erasure finds them there. */
async function registerRevision(db: Database, { id, revision, manifest, erased }: NewRevision): Promise<void> {
  await db.transaction(async (tx) => {
    await registerDataset(tx, { id: revision, manifest });
    await tx.query(
      `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
       select $1, request_id, correction_id, split, incident from relearn.dataset_rows
       where dataset = $2 and request_id <> all ($3)
       on conflict do nothing`,
      [revision, id, [...erased]],
    );
  });
}

/** The manifest is moved last and the rows are deleted after it: until then the next attempt finds them again. */
async function forgetDuplicates(
  db: Database,
  { id, manifest, draft, folder, erased }: ForgottenDuplicates,
): Promise<void> {
  for (const file of ['rows.jsonl', 'dropped.jsonl', 'manifest.json']) {
    await rename(join(draft, file), join(folder, file));
  }
  await db.query(
    `with forgotten as (delete from relearn.dataset_rows where dataset = $1 and request_id = any($3))
     update relearn.datasets set manifest = $2 where id = $1`,
    [id, manifest, [...erased]],
  );
}

/** All of the user's: a dataset also lists rows that it dropped without learning from them. */
async function readErased(db: Database, userIdHash: string): Promise<Set<string>> {
  const rows = await db.query<{ requestId: string }>(
    `select request_id as "requestId" from relearn.erasure_rows where user_id_hash = $1`,
    [userIdHash],
  );
  return new Set(rows.map(({ requestId }) => requestId));
}

const rowSchema = z.looseObject({ request_id: z.string(), split: z.enum(['train', 'held_out']) });
const droppedSchema = z.looseObject({
  request_id: z.string(),
  because: z.enum(['duplicate', 'conflict', 'contaminated']),
  of: z.string().nullable(),
});
const pairSchema = z.looseObject({ messages: z.array(z.unknown()) });
const preferenceSchema = z.union([
  z.looseObject({ prompt: z.array(z.unknown()) }),
  z.looseObject({ input: pairSchema }),
]);

/** Writes the files of `folder` into `draft` without the erased rows. Line n of the pairs is line n of its split in rows.jsonl. */
async function writeWithout(folder: string, draft: string, erased: ReadonlySet<string>): Promise<DatasetManifest> {
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  const rows = await readAll(folder, 'rows', rowSchema);
  const stays = (row: { request_id: string }) => !erased.has(row.request_id);
  const splits = {
    train: rows.filter(({ split }) => split === 'train'),
    'held-out': rows.filter(({ split }) => split === 'held_out'),
  };
  const files: Record<string, WrittenFile> = {};
  const write = async (name: string, lines: readonly object[]) => {
    files[name] = await writeLines(join(draft, `${name}.jsonl`), lines);
  };
  const asked = new Set<string>(); // questions of erased rows: what the preferences are told by
  for (const name of ['train', 'held-out'] as const) {
    const pairs = await readAll(folder, name, pairSchema);
    const isErased = (place: number) => erased.has(splits[name][place]?.request_id ?? '');
    for (const [place, pair] of pairs.entries()) {
      if (isErased(place)) asked.add(describeQuestion(pair.messages.slice(0, -1), pair));
    }
    await write(
      name,
      pairs.filter((_, place) => !isErased(place)),
    );
  }
  await write('rows', rows.filter(stays));
  const dropped = (await readAll(folder, 'dropped', droppedSchema))
    .filter(stays)
    .map((row) => ({ ...row, of: row.of !== null && erased.has(row.of) ? null : row.of }));
  await write('dropped', dropped);
  for (const name of Object.keys(manifest.files).filter((file) => file.startsWith('preferences.'))) {
    const preferences = await readAll(folder, name, preferenceSchema);
    const questionOf = (entry: z.output<typeof preferenceSchema>) =>
      'prompt' in entry ? describeQuestion(entry.prompt, entry) : describeQuestion(entry.input.messages, entry.input);
    await write(
      name,
      preferences.filter((entry) => !asked.has(questionOf(entry))),
    );
  }
  if (manifest.files['replay'] !== undefined) {
    await copyFile(join(folder, 'replay.jsonl'), join(draft, 'replay.jsonl'));
    files['replay'] = manifest.files['replay'];
  }
  const left = rows.filter(stays);
  return {
    ...manifest,
    trainRows: left.filter(({ split }) => split === 'train').length,
    heldOutRows: left.filter(({ split }) => split === 'held_out').length,
    dropped: countDropped(dropped),
    files,
  };
}

/** What was asked, and what the model could call: the same of a pair and of its preferences. */
function describeQuestion(asked: unknown, offered: object): string {
  return JSON.stringify([asked, readTools(offered)]);
}

async function readAll<Schema extends z.ZodType>(
  folder: string,
  name: string,
  schema: Schema,
): Promise<z.output<Schema>[]> {
  const lines: z.output<Schema>[] = [];
  for await (const line of readJsonl(join(folder, `${name}.jsonl`), schema)) lines.push(line);
  return lines;
}
