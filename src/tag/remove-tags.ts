import type { Database } from '../database.ts';
import { redactText, redactToStore } from '../log/redact/index.ts';

export interface Untag {
  tag: string;
  requestIds: readonly string[];
  /** Who takes it off. */
  actor: string;
  reason?: string | undefined;
}

/**
 * Takes a tag off rows, whatever incident it belongs to. What it was, who had added it and who took it off stays in
 * `tag_removals`; monitors, users and rules do not put it back, a person can. Returns the request ids that had it.
 */
export async function removeTags(db: Database, { tag, requestIds, actor, reason }: Untag): Promise<string[]> {
  const why = reason === undefined ? null : await redactToStore((redact) => redact(reason));
  const rows = await db.query<{ request_id: string }>(
    `with removed as (
       delete from relearn.tags where request_id = any($1) and tag = $2 returning *
     ), noted as (
       insert into relearn.tag_removals
         (request_id, tag, incident, model, source, actor, added_at, removed_by, reason)
       select request_id, tag, incident, model, source, actor, created_at, $3, $4 from removed
     )
     select distinct request_id from removed order by request_id`,
    [requestIds, redactText(tag).text, actor, why],
  );
  return rows.map((row) => row.request_id);
}

export interface TagChange {
  at: Date;
  change: 'added' | 'removed';
  tag: string;
  incident: string;
  source: string;
  actor: string | null;
}

/** Every tag a row has or had, in the order of time. */
export async function tagHistory(db: Database, requestId: string): Promise<TagChange[]> {
  return db.query<TagChange>(
    `select created_at as at, 'added' as change, tag, incident, source, actor
     from relearn.tags where request_id = $1
     union all
     select added_at, 'added', tag, incident, source, actor from relearn.tag_removals where request_id = $1
     union all
     select removed_at, 'removed', tag, incident, source, removed_by from relearn.tag_removals where request_id = $1
     order by at, change, tag`,
    [requestId],
  );
}

/** The tags of a model's rows, the most frequent first. */
export async function countTags(db: Database, model: string): Promise<{ tag: string; rows: number }[]> {
  return db.query<{ tag: string; rows: number }>(
    `select tag, count(distinct request_id) as rows from relearn.tags where model = $1
     group by tag order by rows desc, tag limit 1000`,
    [model],
  );
}
