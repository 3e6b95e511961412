import type { Database } from '../database.ts';
import type { RetrainTrigger } from '../temporal.ts';

/** A version with what happened to it. */
export interface VersionRow {
  model: string;
  version: string;
  n: number;
  parent: string | null;
  run: number | null;
  dataset: string | null;
  createdAt: Date;
  taintedAt: Date | null;
  alias: 'champion' | 'challenger' | null;
  /** Part of the traffic that it answers; null for one that does not serve. */
  share: number | null;
  /** Since when it has its alias. */
  since: Date | null;
  triggers: RetrainTrigger[] | null;
  runState: string | null;
  runReason: string | null;
  /** Of its passed certificate, or its latest. */
  certificate: { kind: string; passed: boolean } | null;
  servedBefore: boolean;
  takenBack: boolean;
}

/** The versions of a model, newest first: one of them, or `limit` of those before number `before`. */
export async function listVersionRows(
  db: Database,
  { model, version, before, limit }: { model: string; version?: string; before?: number | undefined; limit: number },
): Promise<VersionRow[]> {
  return db.query<VersionRow>(
    `with shown as (
       select * from relearn.versions
       where model = $1 and ($2::text is null or version = $2) and ($3::int is null or n < $3)
       order by n desc limit $4
     ), served as (
       select version, max(at) as at from relearn.deployments where model = $1 and action <> 'rollback' group by version
     ), back as (
       select version, max(at) as at from (
         select previous as version, at from relearn.deployments where model = $1 and action = 'rollback'
         union all
         select version, ended_at from relearn.rollouts where model = $1 and state = 'rolled_back'
       ) taken group by version
     )
     select v.model, v.version, v.n, v.parent, v.run, v.dataset, v.created_at as "createdAt", v.tainted_at as "taintedAt",
       a.alias, a.share, a.changed_at as since, r.triggers, r.state as "runState", r.reason as "runReason", c.certificate,
       served.at is not null as "servedBefore",
       back.at is not null and back.at > coalesce(served.at, '-infinity') as "takenBack"
     from shown v
     left join relearn.aliases a on a.model = v.model and a.version = v.version
     left join relearn.retrain_runs r on r.model = v.model and r.n = v.run
     left join served on served.version = v.version
     left join back on back.version = v.version
     left join lateral (
       select jsonb_build_object('kind', kind, 'passed', passed) as certificate from relearn.certificates
       where model = v.model and version = v.version order by passed desc, issued_at desc limit 1
     ) c on true
     order by v.n desc`,
    [model, version ?? null, before ?? null, limit],
  );
}

export interface VersionEvent {
  at: Date;
  action: 'deploy' | 'promote' | 'rollback' | 'taken_back' | 'canary';
  actor: string | null;
  reason: string | null;
  /** The other version: the one it took over from, or gave way to. */
  other: string | null;
}

/** When a version began to serve, answered a share or was taken back; the latest first. */
export async function listVersionEvents(db: Database, model: string, version: string): Promise<VersionEvent[]> {
  return db.query<VersionEvent>(
    `select at, case when previous = $2 and action = 'rollback' then 'taken_back' else action end as action, actor, reason,
       case when version = $2 then previous else version end as other
     from relearn.deployments where model = $1 and (version = $2 or previous = $2 and action = 'rollback')
     union all
     select started_at, 'canary', null, null, null from relearn.rollouts where model = $1 and version = $2
     union all
     select ended_at, 'taken_back', null, reason, null from relearn.rollouts r
     where model = $1 and version = $2 and state = 'rolled_back' and not exists (
       select 1 from relearn.deployments d
       where d.model = $1 and d.previous = $2 and d.action = 'rollback' and d.at >= r.started_at)
     order by at desc limit 50`,
    [model, version],
  );
}
