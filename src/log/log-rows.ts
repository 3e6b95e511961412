import { lastSaid } from '../chat.ts';
import type { Database } from '../database.ts';
import type { Place } from './export.ts';

/** Of a text in a list: enough to know it by. */
const shownCharacters = 300;
/** Of a conversation so much is read to find what its user said last. */
const readCharacters = 20_000;

export interface ListedRow {
  request_id: string;
  ts: Date;
  model_version: string;
  /** The beginning; of a conversation, of its last message. */
  prompt: string;
  response: string;
  response_logprob: number | null;
  kept_because: string;
  tags: string[];
  /** Its last verified correction; null without one. */
  corrected_by: string | null;
}

/** The rows at these places as a list shows them, the latest first. */
export async function listLogRows(db: Database, places: readonly Place[]): Promise<ListedRow[]> {
  const rows = await db.query<ListedRow>(
    `select s.request_id, s.ts, s.model_version, left(s.prompt, $3) as prompt, left(s.response, $4) as response,
       s.response_logprob, s.kept_because, t.tags, c.operator as corrected_by
     from unnest($1::timestamptz[], $2::text[]) as page (ts, request_id)
     join relearn.samples s using (ts, request_id)
     cross join lateral (
       select coalesce(array_agg(distinct tag order by tag), '{}') as tags
       from relearn.tags t where t.request_id = s.request_id
     ) t
     left join lateral (
       select c.operator from relearn.corrections c
       where c.request_id = s.request_id and c.verified order by c.seq desc limit 1
     ) c on true
     order by s.ts desc, s.request_id desc`,
    [places.map(({ at }) => at), places.map(({ requestId }) => requestId), readCharacters, shownCharacters],
  );
  return rows.map((row) => ({ ...row, prompt: lastSaid(row.prompt, shownCharacters) }));
}

export interface RowFeedback {
  kind: string;
  comment: string | null;
  at: Date;
}

/** What users said of a row, in the order of time. */
export async function listRowFeedback(db: Database, requestId: string): Promise<RowFeedback[]> {
  return db.query<RowFeedback>(
    `select kind, comment, created_at as at from relearn.feedback where request_id = $1 order by created_at, id limit 200`,
    [requestId],
  );
}

export interface RowCorrection {
  id: string;
  completion: string;
  operator: string;
  source: string;
  verified: boolean;
  /** Taken back then; null while it holds. */
  withdrawn_at: Date | null;
  at: Date;
}

/** What people and stronger models said the answer should be, the latest first: the first verified one holds. */
export async function listRowCorrections(db: Database, requestId: string): Promise<RowCorrection[]> {
  return db.query<RowCorrection>(
    `select id, completion, operator, source, verified, withdrawn_at, coalesce(restated_at, created_at) as at
     from relearn.corrections where request_id = $1 order by seq desc limit 200`,
    [requestId],
  );
}

export interface LogFacets {
  versions: string[];
  /** `rows` is counted to 1,000. */
  tags: { tag: string; rows: number }[];
}

/** What a model's log can be narrowed to: its latest versions, and its tags. Reads the ends of indexes, whatever they hold. */
export async function listLogFacets(db: Database, model: string): Promise<LogFacets> {
  const [versions, tags] = await Promise.all([
    db.query<{ version: string }>(`select version from relearn.versions where model = $1 order by n desc limit 100`, [
      model,
    ]),
    db.query<{ tag: string; rows: number }>(
      `with recursive names as (
         (select t.tag from relearn.tags t where t.model = $1 order by t.tag limit 1)
         union all
         select (select t.tag from relearn.tags t where t.model = $1 and t.tag > n.tag order by t.tag limit 1)
         from names n where n.tag is not null
       )
       select n.tag, counted.rows
       from (select tag from names where tag is not null limit 200) n
       cross join lateral (
         select count(*) as rows
         from (select from relearn.tags t where t.model = $1 and t.tag = n.tag limit 1000) capped
       ) counted
       order by counted.rows desc, n.tag`,
      [model],
    ),
  ]);
  return { versions: versions.map(({ version }) => version), tags };
}
