import { manifestSchema, type DatasetManifest } from '../convert/manifest.ts';
import { latestRevision } from '../convert/revise.ts';
import type { Database } from '../database.ts';
import type { Signed } from '../gate/certificate.ts';
import { listCertificates } from '../gate/stored-certificates.ts';
import { getVersion, type Version } from './registry.ts';

/** What became of a corrected row: learned, asked in evals, or said by another row of the same dataset. */
export type Split = 'train' | 'held_out' | 'duplicate';

/** Rows of a dataset by one of their properties. */
export interface LineageCount {
  /** An operator or an incident; null for a correction that was erased, or a row without an incident. */
  name: string | null;
  train: number;
  heldOut: number;
  duplicate: number;
}

/** Where a version comes from. Ids, names and counts; no text. */
export interface Lineage {
  version: Version & { createdAt: Date; taintedAt: Date | null; champion: boolean };
  certificates: Signed[];
  /** Null for one that was trained on its base set only, or elsewhere. */
  dataset: { id: string; revision: string; createdAt: Date; manifest: DatasetManifest } | null;
  operators: LineageCount[];
  incidents: LineageCount[];
}

/** Walks from a version to its dataset, and to those who corrected its rows. Throws `version_not_found`. */
export async function readLineage(db: Database, model: string, version: string): Promise<Lineage> {
  const found = await getVersion(db, model, version);
  const [state] = await db.query<{ createdAt: Date; taintedAt: Date | null; champion: boolean }>(
    `select v.created_at as "createdAt", v.tainted_at as "taintedAt", a.version is not null as champion
     from relearn.versions v
     left join relearn.aliases a on a.model = v.model and a.version = v.version and a.alias = 'champion'
     where v.model = $1 and v.version = $2`,
    [model, version],
  );
  if (state === undefined) throw new Error('a version that was just read is gone');
  const [certificates, dataset, operators, incidents] = await Promise.all([
    listCertificates(db, model, version),
    found.dataset === null ? null : readDataset(db, found.dataset),
    countRows(db, found.dataset, 'operator'),
    countRows(db, found.dataset, 'incident'),
  ]);
  return { version: { ...found, ...state }, certificates, dataset, operators, incidents };
}

async function readDataset(db: Database, id: string): Promise<Lineage['dataset']> {
  const [row] = await db.query<{ manifest: unknown; createdAt: Date }>(
    `select manifest, created_at as "createdAt" from relearn.datasets where id = $1`,
    [id],
  );
  if (row === undefined) return null;
  return {
    ...{ id, revision: await latestRevision(db, id), createdAt: row.createdAt },
    manifest: manifestSchema.parse(row.manifest),
  };
}

const nameOf = { operator: 'c.operator', incident: `nullif(d.incident, '')` } as const;

async function countRows(db: Database, dataset: string | null, by: keyof typeof nameOf): Promise<LineageCount[]> {
  return db.query<LineageCount>(
    `select ${nameOf[by]} as name, count(*) filter (where d.split = 'train') as train,
       count(*) filter (where d.split = 'held_out') as "heldOut",
       count(*) filter (where d.split = 'duplicate') as duplicate
     from relearn.dataset_rows d left join relearn.corrections c on c.id = d.correction_id
     where d.dataset = $1 group by 1 order by count(*) desc, 1`,
    [dataset],
  );
}

export interface LineageRow {
  requestId: string;
  correctionId: string;
  split: Split;
  incident: string;
  /** Who corrected it, and when; null when that was erased. */
  operator: string | null;
  correctedAt: Date | null;
}

/** Rows of a dataset with their corrections, in the order of the request ids: all of them, or `limit` after one. */
export async function listLineageRows(
  db: Database,
  dataset: string,
  { after = '', limit }: { after?: string | undefined; limit?: number } = {},
): Promise<LineageRow[]> {
  return db.query<LineageRow>(
    `select d.request_id as "requestId", d.correction_id as "correctionId", d.split, d.incident, c.operator,
       c.created_at as "correctedAt"
     from relearn.dataset_rows d left join relearn.corrections c on c.id = d.correction_id
     where d.dataset = $1 and d.request_id > $2 order by d.request_id limit $3`,
    [dataset, after, limit ?? null],
  );
}

/** A dataset that a request is in, and the versions that were made from it. */
export interface LearnedFrom extends LineageRow {
  model: string;
  dataset: string;
  /** The dataset without erased rows that replaces it; null while nothing of it was erased. */
  revisedBy: string | null;
  versions: { version: string; champion: boolean; tainted: boolean }[];
}

/**
 * Walks the other way: which datasets and versions learned from a request, or from any of a user. What an erased user
 * had asked is no longer known to be theirs; their requests still are, by id.
 */
export async function traceRequests(
  db: Database,
  asked: { requestId: string } | { userIdHash: string },
): Promise<LearnedFrom[]> {
  const requestId = 'requestId' in asked ? asked.requestId : null;
  const userIdHash = 'userIdHash' in asked ? asked.userIdHash : null;
  return db.query<LearnedFrom>(
    `with asked as (
       select $1::text as request_id
       union select request_id from relearn.samples where user_id_hash = $2
       union select request_id from relearn.recent where user_id_hash = $2
       union select request_id from relearn.feedback where user_id_hash = $2
     )
     select s.model, d.dataset, s.revised_by as "revisedBy", d.request_id as "requestId",
       d.correction_id as "correctionId", d.split, d.incident, c.operator, c.created_at as "correctedAt", made.versions
     from asked join relearn.dataset_rows d using (request_id)
     join relearn.datasets s on s.id = d.dataset
     left join relearn.corrections c on c.id = d.correction_id
     cross join lateral (
       select coalesce(jsonb_agg(jsonb_build_object('version', v.version, 'champion', a.version is not null,
         'tainted', v.tainted_at is not null) order by v.n), '[]') as versions
       from relearn.versions v
       left join relearn.aliases a on a.model = v.model and a.version = v.version and a.alias = 'champion'
       where v.dataset = d.dataset
     ) made
     order by s.created_at, d.request_id`,
    [requestId, userIdHash],
  );
}
