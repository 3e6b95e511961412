import type { Database } from '../database.ts';
import { listServing } from '../promote/registry.ts';
import { evidenceShare, listMonitorStatus } from '../watch/verdicts.ts';

export interface LatestRun {
  model: string;
  n: number;
  state: string;
  reason: string | null;
  started_at: Date;
}

interface Traffic {
  model: string;
  at: Date;
  requests: number;
  low_confidence: number;
  negative: number;
}

interface Gold {
  model: string;
  at: Date;
  /** Null for a run that asked nothing. */
  rate: number | null;
}

interface Boundary {
  model: string;
  at: Date;
  healthy: number | null;
  evidence: number | null;
}

interface Mark {
  model: string;
  at: Date;
  kind: 'version' | 'incident';
  name: string;
}

/** All that the overview shows of these models, but what their workflows say. */
export async function readOverview(db: Database, models: readonly string[]) {
  const [serving, monitors, runs, traffic, gold, boundary, marks, waiting, incidents] = await Promise.all([
    listServing(db, models),
    listMonitorStatus(db, models),
    listLatestRuns(db, models),
    listTraffic(db, models),
    listGold(db, models),
    listBoundary(db, models),
    listMarks(db, models),
    countWaiting(db, models),
    listOpenIncidents(db, models),
  ]);
  return { serving, monitors, runs, traffic, gold, boundary, marks, waiting, incidents };
}

async function listLatestRuns(db: Database, models: readonly string[]): Promise<LatestRun[]> {
  return db.query<LatestRun>(
    `select distinct on (model) model, n, state, reason, started_at from relearn.retrain_runs
     where model = any($1) order by model, n desc`,
    [models],
  );
}

/** Production's traffic of the last day, in parts of 15 minutes. */
async function listTraffic(db: Database, models: readonly string[]): Promise<Traffic[]> {
  return db.query<Traffic>(
    `select model, date_bin('15 minutes', minute, '2000-01-01') as at, sum(requests)::bigint as requests,
       sum(low_confidence)::bigint as low_confidence, sum(negative)::bigint as negative
     from relearn.minutes
     where model = any($1) and minute > now() - interval '24 hours' and source = 'production'
     group by 1, 2 order by 1, 2`,
    [models],
  );
}

/** The last run of the gold set in each part. */
async function listGold(db: Database, models: readonly string[]): Promise<Gold[]> {
  return db.query<Gold>(
    `select distinct on (model, part) model, part as at, rate
     from relearn.gold_runs g, date_bin('15 minutes', g.at, '2000-01-01') part,
       lateral (select passed / nullif(coalesce(jsonb_array_length(asked), cases), 0) as rate) rated
     where model = any($1) and g.at > now() - interval '24 hours' and state = 'ok'
     order by model, part, g.at desc`,
    [models],
  );
}

/** What the drift test of the gold set said last in each part. */
async function listBoundary(db: Database, models: readonly string[]): Promise<Boundary[]> {
  return db.query<Boundary>(
    `select distinct on (model, part) model, part as at, (figures->>'healthyRate')::float8 as healthy, ${evidenceShare} as evidence
     from relearn.monitor_verdicts v, date_bin('15 minutes', v.at, '2000-01-01') part
     where model = any($1) and monitor = 'gold_set' and v.at > now() - interval '24 hours'
     order by model, part, v.at desc, id desc`,
    [models],
  );
}

/** When a version began to serve or an incident was found, in the last day. */
async function listMarks(db: Database, models: readonly string[]): Promise<Mark[]> {
  return db.query<Mark>(
    `select model, at, 'version' as kind, version as name from relearn.deployments
     where model = any($1) and at > now() - interval '24 hours'
     union all
     select model, detected_at, 'incident', monitor from relearn.incidents
     where model = any($1) and detected_at > now() - interval '24 hours'
     order by 2`,
    [models],
  );
}

async function countWaiting(db: Database, models: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.query<{ model: string; rows: number }>(
    `select model, count(*) as rows from relearn.review_queue
     where model = any($1) and removed_at is null group by model`,
    [models],
  );
  return new Map(rows.map(({ model, rows: count }) => [model, count]));
}

async function listOpenIncidents(db: Database, models: readonly string[]): Promise<Map<string, { state: string }>> {
  const rows = await db.query<{ model: string; state: string }>(
    `select model, state from relearn.incidents where model = any($1) and state not in ('resolved', 'closed')`,
    [models],
  );
  return new Map(rows.map(({ model, state }) => [model, { state }]));
}
