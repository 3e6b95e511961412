import type { Database } from '../database.ts';

/**
 * Counts the rows of a tag and those corrected since the tag last triggered a retrain, and keeps the figures in
 * `clusters`. `upToSeq` is the newest correction counted.
 */
export async function countTag(
  db: Database,
  { model, tag }: { model: string; tag: string },
): Promise<{ corrected: number; upToSeq: number }> {
  const [counted] = await db.query<{ corrected: number; upToSeq: number }>(
    `with known as (
       select coalesce(max(last_triggered_seq), 0) as seq from relearn.clusters where model = $1 and key = $2
     ), tagged as (
       select distinct request_id from relearn.tags where model = $1 and tag = $2
     ), fresh as (
       select count(distinct c.request_id) as corrected, coalesce(max(c.seq), 0) as up_to
       from relearn.corrections c join tagged using (request_id)
       where c.model = $1 and c.verified and not c.equals_response and c.seq > (select seq from known)
     )
     insert into relearn.clusters (model, key, rows, corrected)
     select $1, $2, (select count(*) from tagged), fresh.corrected from fresh
     on conflict (model, key) do update
       set rows = excluded.rows, corrected = excluded.corrected, updated_at = now()
     returning corrected, (select up_to from fresh) as "upToSeq"`,
    [model, tag],
  );
  return counted ?? { corrected: 0, upToSeq: 0 };
}

/** From now on only corrections after `upToSeq` count towards the tag's threshold. */
export async function markTagTriggered(
  db: Database,
  { model, tag, upToSeq }: { model: string; tag: string; upToSeq: number },
): Promise<void> {
  await db.query(
    `update relearn.clusters set last_triggered_seq = greatest(last_triggered_seq, $3), updated_at = now()
     where model = $1 and key = $2`,
    [model, tag, upToSeq],
  );
}
