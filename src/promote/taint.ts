import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';

export interface VersionName {
  model: string;
  version: string;
}

/**
 * Marks the versions that learned from these datasets, and those that continue from one of them: a trainer that starts
 * from the champion's weights keeps what they know. Done twice, it answers the same.
 */
export async function taintVersions(db: Database, datasets: readonly string[]): Promise<VersionName[]> {
  return db.query<VersionName>(
    `with recursive tainted as (
       select model, version from relearn.versions where dataset = any($1)
       union
       select v.model, v.version from relearn.versions v
       join tainted t on t.model = v.model and t.version = v.parent
       where v.metadata->>'trainer' not in ('embedded', 'encoder')
     )
     update relearn.versions v set tainted_at = coalesce(v.tainted_at, now())
     from tainted t where (v.model, v.version) = (t.model, t.version)
     returning v.model, v.version`,
    [datasets],
  );
}

/** Temporal's clock and that of Postgres may differ by as much. */
const clockSlackMs = 60_000;

/**
 * Marks a version that was registered when an erasure had looked already: since its training began, the dataset was
 * revised, or what it continues from was marked. An attempt before this one may have read the rows. Throws
 * `version_tainted` when the version is marked.
 */
export async function refuseErased(db: Database, { model, version }: VersionName, trainedSince: Date): Promise<void> {
  await db.query(
    `with recursive learned as (
       select d.revised_by, d.erased_at from relearn.versions v join relearn.datasets d on d.id = v.dataset
       where v.model = $1 and v.version = $2
       union
       select d.revised_by, d.erased_at from relearn.datasets d join learned on d.id = learned.revised_by
     )
     update relearn.versions v set tainted_at = now()
     where v.model = $1 and v.version = $2 and v.tainted_at is null and (
       exists (select from learned where erased_at >= $3)
       or v.metadata->>'trainer' not in ('embedded', 'encoder') and exists (
         select from relearn.versions p where p.model = v.model and p.version = v.parent and p.tainted_at >= $4))`,
    [model, version, new Date(trainedSince.getTime() - clockSlackMs), trainedSince],
  );
  await requireUntainted(db, { model, version });
}

/** Throws `version_tainted`. */
export async function requireUntainted(db: Database, { model, version }: VersionName): Promise<void> {
  if (await isTainted(db, { model, version })) {
    throw new RelearnError('version_tainted', describeTaint({ model, version }));
  }
}

export async function isTainted(db: Database, { model, version }: VersionName): Promise<boolean> {
  const tainted = await db.query(
    `select 1 from relearn.versions where model = $1 and version = $2 and tainted_at is not null`,
    [model, version],
  );
  return tainted.length > 0;
}

export function describeTaint({ model, version }: VersionName): string {
  return `${version} learned from rows that were erased since. Retrain ${model} instead: the next version is made without them.`;
}

/** Champions that learned from rows that were erased later. */
export async function listTaintedChampions(db: Database, models: readonly string[]): Promise<VersionName[]> {
  return db.query<VersionName>(
    `select model, version from relearn.aliases join relearn.versions using (model, version)
     where alias = 'champion' and tainted_at is not null and model = any($1)`,
    [models],
  );
}

/**
 * Deletes what tainted versions answered to gold sets and eval packs: such an answer may repeat what was erased, and
 * nothing reads it again.
 */
export async function deleteTaintedAnswers(db: Database): Promise<void> {
  for (const table of ['samples', 'recent'] as const) {
    await db.query(
      `delete from relearn.${table} s using relearn.versions v
       where v.tainted_at is not null and s.model = v.model and s.model_version = v.version and s.source <> 'production'`,
    );
  }
}
