import type { Database } from '../database.ts';
import { listServing } from '../promote/registry.ts';
import { listMonitorStatus } from '../watch/verdicts.ts';

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
  passed: number;
  asked: number;
}

interface Mark {
  model: string;
  at: Date;
  kind: 'version' | 'incident';
  name: string;
}

/** All that the overview shows of these models, but what their workflows say. */
export async function readOverview(db: Database, models: readonly string[]) {
  const [serving, monitors, runs, traffic, gold, marks, waiting, incidents] = await Promise.all([
    listServing(db, models),
    listMonitorStatus(db, models),
    listLatestRuns(db, models),
    listTraffic(db, models),
    listGold(db, models),
    listMarks(db, models),
    countWaiting(db, models),
    listOpenIncidents(db, models),
  ]);
  return { serving, monitors, runs, traffic, gold, marks, waiting, incidents };
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

async function listGold(db: Database, models: readonly string[]): Promise<Gold[]> {
  return db.query<Gold>(
    `select model, at, passed, coalesce(jsonb_array_length(asked), cases) as asked from relearn.gold_runs
     where model = any($1) and at > now() - interval '24 hours' and state = 'ok' order by model, at`,
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
