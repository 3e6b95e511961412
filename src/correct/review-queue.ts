import type { Database } from '../database.ts';

/** A tagged production row that waits for a correction. Texts are redacted. */
export interface ReviewRow {
  request_id: string;
  ts: Date;
  model: string;
  model_version: string;
  /** A text, or the messages of a conversation as JSON. */
  prompt: string;
  response: string;
  response_logprob: number | null;
  tags: string[];
  /** The open incident the row belongs to, else the latest closed one, else null. */
  incident: string | null;
}

export interface ReviewFilter {
  model?: string | undefined;
  incident?: string | undefined;
  /** Rows that carry this tag. */
  tag?: string | undefined;
}

/** $1 model, $2 incident, $3 tag; `place` is the order of reviewing. */
const waiting = `
  with tagged as (
    select t.request_id, array_agg(distinct t.tag) as tags,
      max(t.incident) filter (where i.id is not null) as open_incident,
      nullif(max(t.incident), '') as last_incident
    from relearn.tags t
    left join relearn.incidents i on i.id = t.incident and i.state not in ('resolved', 'closed')
    where ($1::text is null or t.model = $1)
      and ($2::text is null or t.request_id in (select request_id from relearn.tags where incident = $2))
      and ($3::text is null or t.request_id in (select request_id from relearn.tags where tag = $3))
    group by t.request_id
  ), waiting as (
    select s.request_id, s.ts, s.model, s.model_version, tagged.tags,
      coalesce(tagged.open_incident, tagged.last_incident) as incident,
      case
        when open_incident is not null and (tags && '{post_drift}' or s.kept_because = 'low_confidence') then 1
        when open_incident is not null then 2
        when tags && '{user_negative}' then 3
        else 4
      end as place
    from tagged join relearn.samples s using (request_id)
    where s.source = 'production' and not exists (
      select 1 from relearn.corrections c where c.request_id = s.request_id and c.verified)
  )`;

/**
 * One page of what people should correct: rows of open incidents first, and of these what came after the detection and
 * what the model was unsure of before the rest of the window; then rows users complained about; then the rest. Newest
 * first within each.
 */
export async function listReviewQueue(
  db: Database,
  { model, incident, tag, limit, offset }: ReviewFilter & { limit: number; offset: number },
): Promise<ReviewRow[]> {
  return db.query<ReviewRow>(
    `${waiting}, page as (
       select * from waiting order by place, ts desc, request_id limit $4 offset $5
     )
     select page.request_id, page.ts, page.model, page.model_version, s.prompt, s.response, s.response_logprob,
       page.tags, page.incident
     from page join relearn.samples s on s.request_id = page.request_id and s.ts = page.ts
     order by page.place, page.ts desc, page.request_id`,
    [model ?? null, incident ?? null, tag ?? null, limit, offset],
  );
}

/** How many rows wait for a correction. */
export async function countReviewQueue(db: Database, { model, incident, tag }: ReviewFilter): Promise<number> {
  const [row] = await db.query<{ rows: number }>(`${waiting} select count(*) as rows from waiting`, [
    model ?? null,
    incident ?? null,
    tag ?? null,
  ]);
  return row?.rows ?? 0;
}
