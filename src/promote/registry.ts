import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { learnedBefore } from '../watch/incidents.ts';

/** One version of a model, as the registry knows it. */
export interface Version {
  model: string;
  version: string;
  kind: 'onnx' | 'upstream';
  /** SHA-256 of its file in the artifact store; null for an upstream. */
  artifact: string | null;
  dataset: string | null;
  /** The champion it was trained to replace. */
  parent: string | null;
  /** The retrain run that made it. */
  run: number | null;
  lowConfidenceBelow: number | null;
  metadata: Record<string, unknown>;
}

/** The version that serves, with the fencing token a promotion must name. */
export interface Champion extends Version {
  token: number;
  since: Date;
}

/** Of `relearn.versions v`, as a `Version`. */
export const versionColumns = `v.model, v.version, v.kind, v.artifact, v.dataset, v.parent, v.run,
  v.low_confidence_below as "lowConfidenceBelow", v.metadata`;

/** The champions of the named models; a model without one is left out. */
export async function listChampions(db: Database, models: readonly string[]): Promise<Champion[]> {
  return db.query<Champion>(
    `select ${versionColumns}, a.token, a.changed_at as since
     from relearn.aliases a join relearn.versions v using (model, version)
     where a.alias = 'champion' and a.model = any($1)`,
    [models],
  );
}

/** A version that takes requests: the champion, or a challenger that is being rolled out. */
export interface Serves extends Champion {
  alias: 'champion' | 'challenger';
  /** Part of the model's traffic that a challenger answers; the champion answers the rest. */
  share: number;
}

/** Every version of the named models that takes requests. */
export async function listServing(db: Database, models: readonly string[]): Promise<Serves[]> {
  return db.query<Serves>(
    `select ${versionColumns}, a.token, a.changed_at as since, a.alias, a.share
     from relearn.aliases a join relearn.versions v using (model, version)
     where a.model = any($1)`,
    [models],
  );
}

/** Throws `model_not_ready` when the model has no champion. */
export async function getChampion(db: Database, model: string): Promise<Champion> {
  const [champion] = await listChampions(db, [model]);
  if (champion !== undefined) return champion;
  throw new RelearnError(
    'model_not_ready',
    `Model ${model} has no champion. An embedded model gets one by \`relearn train --model ${model} --deploy\`, ` +
      'an endpoint by `relearn up` or `relearn migrate`.',
  );
}

/** Throws `version_not_found`. */
export async function getVersion(db: Database, model: string, version: string): Promise<Version> {
  const [found] = await db.query<Version>(
    `select ${versionColumns} from relearn.versions v where v.model = $1 and v.version = $2`,
    [model, version],
  );
  if (found !== undefined) return found;
  throw new RelearnError(
    'version_not_found',
    `Model ${model} has no version of that name. \`relearn models\` lists them.`,
  );
}

/**
 * Registers a version and names it `v<n>`. A retrain run makes one version: registered again for the same run, the
 * first one is returned.
 */
export async function registerVersion(db: Database, version: Omit<Version, 'version'>): Promise<string> {
  return db.transaction(async (tx) => {
    await tx.query(`insert into relearn.models (name) values ($1) on conflict do nothing`, [version.model]);
    await tx.query(`select 1 from relearn.models where name = $1 for update`, [version.model]);
    const [existing] = await tx.query<{ version: string }>(
      `select version from relearn.versions where model = $1 and run = $2`,
      [version.model, version.run],
    );
    if (existing !== undefined) return existing.version;
    const [created] = await tx.query<{ version: string }>(
      `insert into relearn.versions
         (model, version, n, kind, artifact, dataset, parent, run, low_confidence_below, metadata)
       select $1, 'v' || next.n, next.n, $2, $3, $4, $5, $6, $7, $8
       from (select coalesce(max(n), 0) + 1 as n from relearn.versions where model = $1) next
       returning version`,
      [
        version.model,
        version.kind,
        version.artifact,
        version.dataset,
        version.parent,
        version.run,
        version.lowConfidenceBelow,
        version.metadata,
      ],
    );
    if (created === undefined) throw new Error('insert returned no row');
    return created.version;
  });
}

/** The version a retrain run has made, or null. */
export async function findVersionOfRun(db: Database, model: string, run: number): Promise<string | null> {
  const [found] = await db.query<{ version: string }>(
    `select version from relearn.versions where model = $1 and run = $2`,
    [model, run],
  );
  return found?.version ?? null;
}

/** The retrain run that made a version; null for one that a person made. */
export async function findRunOfVersion(db: Database, model: string, version: string): Promise<number | null> {
  const [found] = await db.query<{ run: number | null }>(
    `select run from relearn.versions where model = $1 and version = $2`,
    [model, version],
  );
  return found?.run ?? null;
}

/** True when the champion was trained on a row of the incident, or on one that says the same, that the version which drifted had not learned. */
export async function championLearned(db: Database, model: string, incident: string): Promise<boolean> {
  const rows = await db.query(
    `select 1 from relearn.aliases a
     join relearn.versions v using (model, version)
     join relearn.dataset_rows d on d.dataset = v.dataset
     where a.model = $1 and a.alias = 'champion' and d.split in ('train', 'duplicate') and (d.incident = $2 or exists (
       select 1 from relearn.tags t where t.request_id = d.request_id and t.incident = $2))
       and not exists (
         select from relearn.incidents i where i.id = $2 and ${learnedBefore('d', 'd.correction_id', 'i')}) limit 1`,
    [model, incident],
  );
  return rows.length > 0;
}
