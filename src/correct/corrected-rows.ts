import type { Database } from '../database.ts';
import type { ReviewFilter, ReviewRow } from './review-queue.ts';

/** A corrected row with its last correction. Texts are redacted. */
export interface ReviewedRow extends ReviewRow {
  completion: string;
  operator: string;
  /** Two people say different things of it; what each said last is in `relearn.corrections`. */
  disagreement: boolean;
}

/** One page of corrected rows, in the order of their last corrections. */
export async function listCorrectedRows(
  db: Database,
  { models, incident, tag, limit, afterSeq }: ReviewFilter & { limit: number; afterSeq: number },
): Promise<{ seq: number; row: ReviewedRow }[]> {
  const rows = await db.query<ReviewedRow & { seq: number }>(
    `with page as (
       select c.* from relearn.corrections c
       where c.seq > $4 and c.verified and c.model = any($1)
         and not exists (select from relearn.corrections later
           where later.request_id = c.request_id and later.verified and later.seq > c.seq)
         and ($2::text is null
           or exists (select from relearn.tags t where t.request_id = c.request_id and t.incident = $2))
         and ($3::text is null or exists (select from relearn.tags t where t.request_id = c.request_id and t.tag = $3))
       order by c.seq limit $5
     )
     select page.seq, s.request_id, s.ts, s.model, s.model_version, s.prompt, s.response, s.response_logprob,
       tagged.tags, tagged.incident, page.completion, page.operator, said.disagreement
     from page join relearn.samples s on s.request_id = page.request_id and s.source = 'production'
     cross join lateral (
       select coalesce(array_agg(distinct t.tag), '{}') as tags, nullif(max(t.incident), '') as incident
       from relearn.tags t where t.request_id = page.request_id
     ) tagged
     cross join lateral (
       select count(distinct completion) > 1 as disagreement from (
         select distinct on (operator) completion from relearn.corrections c
         where c.request_id = page.request_id and c.verified order by operator, seq desc
       ) latest
     ) said
     order by page.seq`,
    [models, incident ?? null, tag ?? null, afterSeq, limit],
  );
  return rows.map(({ seq, ...row }) => ({ seq, row }));
}
