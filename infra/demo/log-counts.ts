import type { Database } from '../../src/database.ts';

/** How many production requests of a model the log holds, sampled or not. */
export async function countLogged(db: Database, model: string): Promise<number> {
  const [row] = await db.query<{ rows: number }>(
    `select count(*) as rows from (
       select request_id from relearn.samples where model = $1 and source = 'production'
       union
       select request_id from relearn.recent where model = $1 and source = 'production'
     ) logged`,
    [model],
  );
  return row?.rows ?? 0;
}
