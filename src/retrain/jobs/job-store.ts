import type { Database } from '../../database.ts';

/** Which job of which API belongs to which run. */
export interface JobStore {
  find(key: string): Promise<string | null>;
  save(key: string, job: string, url: string): Promise<void>;
}

/** The store in Postgres: written once a run. */
export function openJobStore(db: Database): JobStore {
  return {
    async find(key) {
      const [found] = await db.query<{ job: string }>(`select job from relearn.trainer_jobs where key = $1`, [key]);
      return found?.job ?? null;
    },
    async save(key, job, url) {
      await db.query(
        `insert into relearn.trainer_jobs (key, job, url) values ($1, $2, $3) on conflict (key) do nothing`,
        [key, job, url],
      );
    },
  };
}
