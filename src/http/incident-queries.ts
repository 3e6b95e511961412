import type { Database } from '../database.ts';
import { monitorNames } from '../watch/judgement.ts';

export interface IncidentSummary {
  id: string;
  model: string;
  model_version: string;
  monitor: string;
  state: string;
  reason: string | null;
  detected_at: Date;
  window_start: Date;
  collecting_until: Date | null;
  closed_at: Date | null;
  figures: Record<string, unknown>;
  /** Distinct rows that were corrected while it was open. */
  corrected: number;
  /** Those whose correction differs from the response: what `minCorrected` asks for. */
  counted: number;
}

/**
 * Incidents with their counts, open ones first, then the newest. Reads corrections, which are few, not tagged rows;
 * `incident <> ''` lets Postgres use the index on tags.
 */
export async function listIncidents(
  db: Database,
  { model, id, limit }: { model?: string | undefined; id?: string; limit: number },
): Promise<IncidentSummary[]> {
  return db.query<IncidentSummary>(
    `with shown as materialized (
       select * from relearn.incidents
       where ($1::text is null or model = $1) and ($2::text is null or id = $2)
       order by state in ('resolved', 'closed'), detected_at desc limit $3
     )
     select shown.id, shown.model, shown.model_version, shown.monitor, shown.state, shown.reason, shown.detected_at,
       shown.window_start, shown.collecting_until, shown.closed_at, shown.figures, counts.corrected, counts.counted
     from shown cross join lateral (
       select count(*) as corrected, count(*) filter (where not equals_response) as counted from (
         select distinct on (c.request_id) c.equals_response from relearn.corrections c
         where c.model = shown.model and c.verified
           and c.created_at between shown.window_start and coalesce(shown.closed_at, 'infinity')
           and exists (select from relearn.tags t where t.request_id = c.request_id and t.incident = shown.id and t.incident <> '')
         order by c.request_id, c.seq desc
       ) last
     ) counts
     order by shown.state in ('resolved', 'closed'), shown.detected_at desc`,
    [model ?? null, id ?? null, limit],
  );
}

export interface Reviewer {
  operator: string;
  rows: number;
  last_at: Date;
  /** Rows of which someone else says something different. */
  disagreements: number;
}

/** Who corrected the rows of an incident, the busiest first. */
export async function listReviewers(db: Database, incident: string): Promise<Reviewer[]> {
  return db.query<Reviewer>(
    `with said as (
       select distinct on (c.request_id, c.operator) c.request_id, c.operator, c.completion,
         coalesce(c.restated_at, c.created_at) as at
       from relearn.corrections c join relearn.incidents i on i.id = $1 and i.model = c.model
       where c.verified and c.created_at >= i.window_start
         and exists (select from relearn.tags t where t.request_id = c.request_id and t.incident = $1)
       order by c.request_id, c.operator, c.seq desc
     ), disputed as (
       select request_id from said group by request_id having count(distinct completion) > 1
     )
     select operator, count(*) as rows, max(at) as last_at, count(d.request_id) as disagreements
     from said left join disputed d using (request_id)
     group by operator order by rows desc, operator limit 100`,
    [incident],
  );
}

export interface IncidentCluster {
  rows: number;
  cards: number;
  terms: string | null;
  example: string;
}

/** What the waiting rows of an incident are about, by the order of the review queue; texts as logged, redacted. */
export async function listIncidentClusters(db: Database, incident: string): Promise<IncidentCluster[]> {
  return db.query<IncidentCluster>(
    `with largest as (
       select c.cluster, count(*) as rows, count(distinct c.card) as cards,
         (array_agg(q.request_id order by c.rank, c.position))[1] as request_id,
         (array_agg(q.ts order by c.rank, c.position))[1] as ts,
         mode() within group (order by array_to_string(k.terms, ', ')) as terms
       from relearn.incidents i
       join relearn.review_queue q on q.model = i.model and q.incident = i.id and q.removed_at is null
       join relearn.review_cards c on c.model = q.model and c.request_id = q.request_id
       left join relearn.cluster_members m on m.model = q.model and m.request_id = q.request_id
       left join relearn.clusters k on k.model = m.model and k.key = m.key
       where i.id = $1 group by c.cluster order by rows desc limit 8
     )
     select rows, cards, nullif(terms, '') as terms, left(s.prompt, 200) as example
     from largest join relearn.samples s on s.request_id = largest.request_id and s.ts = largest.ts
     order by rows desc`,
    [incident],
  );
}

export interface Look {
  state: string;
  /** As Postgres writes it into JSON. */
  at: string;
  figures: Record<string, unknown>;
}

/**
 * Of each monitor, what it said of the incident's version when it was found (drift, if it saw any: a look later it may
 * have too little to judge), and its last verdict.
 */
export async function listIncidentVerdicts(
  db: Database,
  incident: string,
): Promise<{ monitor: string; before: Look | null; latest: Look | null }[]> {
  const one = (until: string, order: string) => `(
    select jsonb_build_object('state', v.state, 'at', v.at, 'figures', v.figures) from relearn.monitor_verdicts v
    where v.model = i.model and v.monitor = known.monitor and v.model_version = i.model_version
      and v.at between i.window_start and ${until}
    order by ${order}, v.id desc limit 1)`;
  const nearest = `v.state = 'drift' desc, abs(extract(epoch from v.at - i.detected_at))`;
  return db.query(
    `select known.monitor, ${one(`i.detected_at + interval '1 minute'`, nearest)} as before, ${one('now()', 'v.at desc')} as latest
     from relearn.incidents i cross join unnest($2::text[]) with ordinality as known (monitor, place)
     where i.id = $1 order by (known.monitor = i.monitor) desc, place`,
    [incident, monitorNames],
  );
}
