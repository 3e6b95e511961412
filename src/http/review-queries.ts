import type { Database } from '../database.ts';

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
  /** Tagged rows of the incident. */
  rows: number;
  corrected: number;
  /** Those whose correction differs from the response: what `minCorrected` asks for. */
  counted: number;
}

/** Incidents with their counts, open ones first, then the newest. */
export async function listIncidents(
  db: Database,
  { model, id, limit }: { model?: string | undefined; id?: string; limit: number },
): Promise<IncidentSummary[]> {
  return db.query<IncidentSummary>(
    `with shown as (
       select * from relearn.incidents
       where ($1::text is null or model = $1) and ($2::text is null or id = $2)
       order by state in ('resolved', 'closed'), detected_at desc limit $3
     ), counts as (
       select t.incident, count(distinct t.request_id) as rows,
         count(distinct t.request_id) filter (where last.equals_response is not null) as corrected,
         count(distinct t.request_id) filter (where not last.equals_response) as counted
       from shown join relearn.tags t on t.incident = shown.id
       left join lateral (
         select c.equals_response from relearn.corrections c
         where c.request_id = t.request_id and c.verified order by c.seq desc limit 1
       ) last on true
       group by t.incident
     )
     select shown.id, shown.model, shown.model_version, shown.monitor, shown.state, shown.reason, shown.detected_at,
       shown.window_start, shown.collecting_until, shown.closed_at, shown.figures,
       coalesce(counts.rows, 0) as rows, coalesce(counts.corrected, 0) as corrected,
       coalesce(counts.counted, 0) as counted
     from shown left join counts on counts.incident = shown.id
     order by shown.state in ('resolved', 'closed'), shown.detected_at desc`,
    [model ?? null, id ?? null, limit],
  );
}

export interface AuditLine {
  at: Date;
  actor: string;
  action: string;
  details: Record<string, unknown>;
}

/** Who did what to one incident or tag, the latest first. */
export async function listAudit(db: Database, subject: string): Promise<AuditLine[]> {
  return db.query<AuditLine>(
    `select at, actor, action, details from relearn.audit where subject = $1 order by id desc limit 200`,
    [subject],
  );
}

export interface VersionSummary {
  model: string;
  version: string;
  kind: string;
  dataset: string | null;
  parent: string | null;
  run: number | null;
  created_at: Date;
  /** Null for a version that does not serve. */
  champion_since: Date | null;
  /** The latest certificate: what let it serve, or what refused it. */
  certificate: { kind: string; passed: boolean; issued_at: string; content: unknown } | null;
}

/** The latest versions of each named model, newest first. */
export async function listVersions(db: Database, models: readonly string[]): Promise<VersionSummary[]> {
  return db.query<VersionSummary>(
    `select v.model, v.version, v.kind, v.dataset, v.parent, v.run, v.created_at, a.changed_at as champion_since,
       c.certificate
     from unnest($1::text[]) wanted (model)
     cross join lateral (
       select * from relearn.versions v where v.model = wanted.model order by v.n desc limit 50
     ) v
     left join relearn.aliases a on a.model = v.model and a.version = v.version and a.alias = 'champion'
     left join lateral (
       select jsonb_build_object('kind', c.kind, 'passed', c.passed, 'issued_at', c.issued_at, 'content', c.content)
         as certificate
       from relearn.certificates c
       where c.model = v.model and c.version = v.version order by c.issued_at desc limit 1
     ) c on true
     order by v.model, v.n desc`,
    [models],
  );
}
