import type { Database } from '../database.ts';
import { redactText } from '../log/redact/index.ts';
import { pinRows } from '../log/rows.ts';

export interface TagRequest {
  /** Opaque: stored redacted, compared as it is. */
  tag: string;
  requestIds: readonly string[];
  source: 'operator' | 'drift' | 'user';
  actor?: string;
  /** The incident the tag belongs to. */
  incident?: string;
}

export interface TagOutcome {
  /** Request ids that carry the tag now, newly or from before. */
  tagged: string[];
  /** Request ids of no production row. */
  unknown: string[];
}

/**
 * Tags production rows, each once; tagging again changes nothing. Rows that were only in `recent` are brought into
 * `samples`, or they would be gone when someone comes to correct them.
 */
export async function addTags(
  db: Database,
  { tag, requestIds, source, actor, incident }: TagRequest,
): Promise<TagOutcome> {
  const wanted = [...new Set(requestIds)];
  const known = await db.transaction(async (tx) => {
    // People tag what they were shown: rows that were sampled. Users and detectors have all rows in view.
    await pinRows(tx, wanted, `tag:${source}`, { chosenFrom: source === 'operator' ? 'samples' : 'all' });
    return tx.query<{ request_id: string }>(
      `with known as (
         select distinct s.request_id, s.model from relearn.samples s
         where s.request_id = any($1) and s.source = 'production'
       ), added as (
         insert into relearn.tags (request_id, tag, incident, model, source, actor)
         select request_id, $2, $3, model, $4, $5 from known
         on conflict do nothing
       )
       select request_id from known`,
      [wanted, redactText(tag).text, incident ?? '', source, actor ?? null],
    );
  });
  const tagged = new Set(known.map((row) => row.request_id));
  return { tagged: wanted.filter((id) => tagged.has(id)), unknown: wanted.filter((id) => !tagged.has(id)) };
}
