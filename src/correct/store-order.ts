import type { Database } from '../database.ts';
import type { Card, FoldedRow } from './fold.ts';
import type { QueuedRow } from './queue-order.ts';

export interface ReviewableRow extends FoldedRow, QueuedRow {
  requestId: string;
  /** Redacted, as logged, its first 4,000 characters. */
  prompt: string;
}

/** Rows that nobody tagged wait while they are young, as in the review queue. */
const lowConfidenceDays = 7;

/**
 * The rows of a model that wait for a correction, risky ones first, at most `limit`, without those a reviewer removed;
 * and half as many that have had one lately, which tell what is covered. A card of which just the first row was answered
 * since the last order was declined as a whole: its other rows count that.
 */
export async function readReviewable(
  db: Database,
  { model, limit }: { model: string; limit: number },
): Promise<ReviewableRow[]> {
  return db.query<ReviewableRow>(
    `with tagged as (
       select t.request_id, array_agg(distinct t.tag) as tags from relearn.tags t where t.model = $1 group by 1
     ), candidates as (
       select s.request_id, s.ts, s.response_logprob,
         s.kept_because in ('low_confidence', 'flagged') or tagged.tags && '{user_negative,operator_review}' as risky,
         tagged.tags, last.seq
       from tagged join relearn.samples s using (request_id)
       left join relearn.current_corrections last using (request_id)
       where s.model = $1 and s.source = 'production'
       union all
       select s.request_id, s.ts, s.response_logprob, true, '{}', last.seq
       from relearn.samples s
       left join relearn.current_corrections last using (request_id)
       where s.model = $1 and s.source = 'production' and s.kept_because = 'low_confidence'
         and s.ts >= now() - interval '${lowConfidenceDays} days'
         and not exists (select 1 from tagged where tagged.request_id = s.request_id)
     ), chosen as (
       (select * from candidates c where seq is null and not exists (
          select from relearn.review_queue q where q.request_id = c.request_id and q.removed_at is not null)
        order by risky desc, response_logprob nulls first, request_id limit $2)
       union all
       (select * from candidates where seq is not null order by seq desc limit $2 / 2)
     ), declined as (
       select r.card from relearn.review_cards r
       join relearn.corrections c on c.request_id = r.request_id and c.verified and c.created_at > r.computed_at
       where r.model = $1
       group by r.card having count(distinct r.request_id) = 1
     ), under_review as (
       select key from relearn.clusters
       where model = $1 and kind = 'found' and review_opened_at is not null and state <> 'resolved'
     )
     select c.request_id as "requestId", left(s.prompt, 4000) as prompt, c.seq is null as waits, c.risky,
       exists (select 1 from under_review u where u.key = any(c.tags)) as front,
       coalesce(r.declined, 0) + case when r.card in (select card from declined) then 1 else 0 end as declined
     from chosen c
     join relearn.samples s on s.request_id = c.request_id and s.ts = c.ts
     left join relearn.review_cards r on r.model = $1 and r.request_id = c.request_id
     order by c.request_id`,
    [model, limit],
  );
}

/** Replaces the order of a model's review queue. Rows that are not in it come after those that are. */
export async function storeOrder(
  db: Database,
  model: string,
  rows: readonly ReviewableRow[],
  cards: readonly Card[],
): Promise<void> {
  const lines = cards.flatMap(({ rows: positions, cluster }, rank) => {
    const found = positions.flatMap((row) => rows[row] ?? []);
    const card = found[0]?.requestId ?? '';
    return found.map(({ requestId, declined }, position) => ({ requestId, card, cluster, rank, position, declined }));
  });
  await db.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('relearn.review_cards'), hashtext($1))`, [model]);
    await tx.query(`delete from relearn.review_cards where model = $1`, [model]);
    await tx.query(
      `insert into relearn.review_cards (model, request_id, card, cluster, rank, position, declined)
       select $1, * from unnest($2::text[], $3::text[], $4::bigint[], $5::int[], $6::int[], $7::int[])`,
      [
        model,
        lines.map(({ requestId }) => requestId),
        lines.map(({ card }) => card),
        lines.map(({ cluster }) => cluster),
        lines.map(({ rank }) => rank),
        lines.map(({ position }) => position),
        lines.map(({ declined }) => declined),
      ],
    );
  });
}
