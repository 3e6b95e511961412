import type { Database } from '../database.ts';

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
