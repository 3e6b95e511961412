import type { Database } from '../database.ts';

/** A production row that is tagged and corrected. Texts are redacted. */
export interface CorrectedRow {
  seq: number;
  requestId: string;
  correctionId: string;
  /** As logged: a text, or the messages of a conversation as JSON. */
  prompt: string;
  completion: string;
  /** What the model said. */
  response: string;
  /** What the request offered the model to call: `OfferedTools` as JSON; null for nothing. */
  tools: string | null;
  ts: Date;
  tags: string[];
  /** The latest incident the row belonged to when it was corrected, or else its first; '' when it belongs to none. */
  incident: string;
}

const batchRows = 5000;

/**
 * Every corrected and tagged production row of a model, by the order of their last correction up to the cut-off. Tags are
 * those of `taggedBefore`, whatever was added or taken off later: read again, it gives the same rows.
 * Uncorrected rows and unverified corrections are left out.
 */
export async function* readCorrectedRows(
  db: Database,
  { model, cutoffSeq, taggedBefore }: { model: string; cutoffSeq: number; taggedBefore: Date },
): AsyncGenerator<CorrectedRow> {
  for (let after = 0; ;) {
    const rows = await db.query<CorrectedRow>(
      `with last as (
         select distinct on (request_id) request_id, seq, id, completion, coalesce(restated_at, created_at) as said_at
         from relearn.corrections
         where model = $1 and verified and seq <= $2
         order by request_id, seq desc
       )
       select c.seq, c.request_id as "requestId", c.id as "correctionId", s.prompt, c.completion,
         s.response, s.tools, s.ts, tagged.tags, tagged.incident
       from last c
       join relearn.samples s on s.request_id = c.request_id and s.source = 'production'
       join lateral (
         select array_agg(distinct tag order by tag) as tags,
           coalesce(
             (array_agg(incident order by created_at desc, incident desc)
               filter (where incident <> '' and created_at <= c.said_at))[1],
             (array_agg(incident order by created_at, incident) filter (where incident <> ''))[1], '') as incident
         from (
           select tag, incident, created_at from relearn.tags
           where request_id = c.request_id and created_at <= $3
           union all
           select tag, incident, added_at from relearn.tag_removals
           where request_id = c.request_id and added_at <= $3 and removed_at > $3
         ) then_on
         having count(*) > 0
       ) tagged on true
       where c.seq > $4
       order by c.seq limit ${batchRows}`,
      [model, cutoffSeq, taggedBefore, after],
    );
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < batchRows) return;
    after = last.seq;
  }
}

/** How many training rows of `dataset` the `previous` one did not have, or had with another correction. */
export async function countNewRows(db: Database, dataset: string, previous: string | null): Promise<number> {
  const [row] = await db.query<{ fresh: number }>(
    `select count(*) as fresh from relearn.dataset_rows d
     where d.dataset = $1 and d.split = 'train' and not exists (
       select 1 from relearn.dataset_rows p where p.dataset = $2 and p.correction_id = d.correction_id)`,
    [dataset, previous],
  );
  return row?.fresh ?? 0;
}

/** The newest correction of a model, by its `seq`; 0 without one. */
export async function lastCorrection(db: Database, model: string): Promise<number> {
  const [row] = await db.query<{ seq: number }>(
    `select coalesce(max(seq), 0) as seq from relearn.corrections where model = $1`,
    [model],
  );
  return row?.seq ?? 0;
}
