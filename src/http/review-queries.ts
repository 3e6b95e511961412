import type { Database } from '../database.ts';

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
