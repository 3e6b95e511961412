import type { Database } from '../database.ts';
import type { StoredCorrection } from './corrections.ts';

/**
 * Says again what an operator said before, and took back or replaced meanwhile: the last one wins, so it is stored once
 * more, under an id of its own. What is the row's current correction anyway stays `repeated`. Answers the outcomes with
 * the new ids.
 */
export async function restateCorrections(
  db: Database,
  stored: readonly StoredCorrection[],
): Promise<StoredCorrection[]> {
  const said = stored.filter(({ status }) => status === 'stored' || status === 'repeated').map(({ id }) => id);
  const repeated = stored.filter(({ status }) => status === 'repeated').map(({ id }) => id);
  if (said.length === 0) return [...stored];
  const rows = await db.query<{ before: string; id: string }>(
    `with said as (
       select c.*, (select count(*) from relearn.corrections n where n.request_id = c.request_id) as turn
       from relearn.corrections c
       where c.id = any($1) and (c.withdrawn_at is not null or c.id = any($2) and c.id is distinct from (
         select l.id from relearn.corrections l
         where l.request_id = c.request_id and l.verified order by l.seq desc limit 1))
     ), added as (
       insert into relearn.corrections (id, request_id, model, completion, operator, source, verified, equals_response)
       select id || '-' || turn, request_id, model, completion, operator, source, true, equals_response from said
       on conflict (id) do nothing
     )
     select id as before, id || '-' || turn as id from said`,
    [said, repeated],
  );
  const renamed = new Map(rows.map(({ before, id }) => [before, id]));
  return stored.map((correction) => {
    const id = renamed.get(correction.id);
    return id === undefined ? correction : { ...correction, id, status: 'stored' };
  });
}

/** Takes corrections back. Answers those that were: one that a dataset holds has taught a version, and stays. */
export async function withdrawCorrections(db: Database, ids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update relearn.corrections c set verified = false, withdrawn_at = now()
     where c.id = any($1) and c.verified and not exists (
       select 1 from relearn.dataset_rows d where d.request_id = c.request_id and d.correction_id = c.id)
     returning c.id`,
    [ids],
  );
  return rows.map(({ id }) => id);
}
