import type { Database } from '../database.ts';
import type { GoldBaseline } from './gold-monitor.ts';

export interface GoldRun {
  /** Named by the caller, so that a step that runs twice stores one run. */
  id: string;
  model: string;
  modelVersion: string;
  purpose: 'baseline' | 'probe';
  /** `down`: the endpoint did not answer; its counts say nothing about the model. */
  state: 'ok' | 'down';
  goldSha256: string;
  cases: number;
  /** Times each case was asked. */
  repeats: number;
  /** Sum over the cases of the share of their repeats that passed. */
  passed: number;
  /** Ids of the cases that were asked; null: all of the set. */
  asked: string[] | null;
  /** Ids of the cases that failed in more than half of their repeats, in the order of the set. */
  failedCases: string[];
}

/** Which answers are compared: those of one version to one gold set. */
export interface GoldKey {
  model: string;
  modelVersion: string;
  goldSha256: string;
}

/** Stores one run of the gold set. Stored again under the same id, the first one stays. */
export async function storeGoldRun(db: Database, run: GoldRun): Promise<void> {
  await db.query(
    `insert into relearn.gold_runs
       (id, model, model_version, purpose, state, gold_sha256, cases, repeats, passed, asked, failed_cases)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (id) do nothing`,
    [
      run.id,
      run.model,
      run.modelVersion,
      run.purpose,
      run.state,
      run.goldSha256,
      run.cases,
      run.repeats,
      run.passed,
      run.asked === null ? null : JSON.stringify(run.asked),
      JSON.stringify(run.failedCases),
    ],
  );
}

/**
 * The baseline of the version on this gold set, a run each time the set was asked, repeats of a case averaged; null when
 * there is none.
 */
export async function goldBaseline(db: Database, key: GoldKey): Promise<GoldBaseline | null> {
  const [row] = await db.query<{ repeats: number; cases: number; failed: number; squares: number }>(
    `with runs as (
       select cases, failed_cases from relearn.gold_runs
       where model = $1 and model_version = $2 and gold_sha256 = $3 and purpose = 'baseline' and state = 'ok'
     ), failures as (
       select count(*)::float8 / (select count(*) from runs) as share
       from runs, jsonb_array_elements_text(failed_cases) as failed (id) group by failed.id
     )
     select (select count(*) from runs) as repeats, (select coalesce(max(cases), 0) from runs) as cases,
       coalesce(sum(share), 0) as failed, coalesce(sum(1 - (1 - share) * (1 - share)), 0) as squares
     from failures`,
    [key.model, key.modelVersion, key.goldSha256],
  );
  if (row === undefined || row.repeats === 0) return null;
  const { repeats, cases, failed, squares } = row;
  return { repeats, cases, passed: cases - failed, squares: cases - squares };
}

export interface GoldHistory {
  /** Runs of the baseline that got answers. */
  baselineRuns: number;
  probes: number;
  /** Seconds since the set was last asked, answered or not; null when it never was. */
  idleSeconds: number | null;
}

/** What was asked of the version so far; the probe `except` left out. */
export async function goldHistory(db: Database, key: GoldKey, except: string): Promise<GoldHistory> {
  const [row] = await db.query<GoldHistory>(
    `select count(*) filter (where purpose = 'baseline' and state = 'ok') as "baselineRuns",
       count(*) filter (where purpose = 'probe' and state = 'ok') as probes,
       extract(epoch from now() - max(at))::float8 as "idleSeconds"
     from relearn.gold_runs
     where model = $1 and model_version = $2 and gold_sha256 = $3 and not (purpose = 'probe' and id = $4)`,
    [key.model, key.modelVersion, key.goldSha256, except],
  );
  return row ?? { baselineRuns: 0, probes: 0, idleSeconds: null };
}

/** A stored run. Throws when it was never stored: the step that asks comes after the one that stores. */
export async function getGoldRun(
  db: Database,
  id: string,
): Promise<Pick<GoldRun, 'id' | 'model' | 'modelVersion' | 'purpose' | 'state' | 'goldSha256' | 'cases' | 'passed'>> {
  const [run] = await db.query<Omit<GoldRun, 'failedCases' | 'asked' | 'repeats'>>(
    `select id, model, model_version as "modelVersion", purpose, state, gold_sha256 as "goldSha256", cases, passed
     from relearn.gold_runs where id = $1`,
    [id],
  );
  if (run === undefined) throw new Error(`There is no gold run ${id}`);
  return run;
}
