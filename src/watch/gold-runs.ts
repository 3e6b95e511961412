import type { Database } from '../database.ts';

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
  passed: number;
  /** Ids of the cases that failed, in the order of the set. */
  failedCases: string[];
}

/** Stores one run of the gold set. Stored again under the same id, the first one stays. */
export async function storeGoldRun(db: Database, run: GoldRun): Promise<void> {
  await db.query(
    `insert into relearn.gold_runs
       (id, model, model_version, purpose, state, gold_sha256, cases, passed, failed_cases)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing`,
    [
      run.id,
      run.model,
      run.modelVersion,
      run.purpose,
      run.state,
      run.goldSha256,
      run.cases,
      run.passed,
      JSON.stringify(run.failedCases),
    ],
  );
}

/** All baseline runs of the version on this gold set, summed; null when there are none. */
export async function goldBaseline(
  db: Database,
  key: { model: string; modelVersion: string; goldSha256: string },
): Promise<{ runs: number; cases: number; passed: number } | null> {
  const [row] = await db.query<{ runs: number; cases: number; passed: number }>(
    `select count(*) as runs, coalesce(sum(cases), 0) as cases, coalesce(sum(passed), 0) as passed
     from relearn.gold_runs
     where model = $1 and model_version = $2 and gold_sha256 = $3 and purpose = 'baseline' and state = 'ok'`,
    [key.model, key.modelVersion, key.goldSha256],
  );
  return row === undefined || row.runs === 0 ? null : row;
}

/** A stored run. Throws when it was never stored: the step that asks comes after the one that stores. */
export async function getGoldRun(db: Database, id: string): Promise<Omit<GoldRun, 'failedCases'>> {
  const [run] = await db.query<Omit<GoldRun, 'failedCases'>>(
    `select id, model, model_version as "modelVersion", purpose, state, gold_sha256 as "goldSha256", cases, passed
     from relearn.gold_runs where id = $1`,
    [id],
  );
  if (run === undefined) throw new Error(`There is no gold run ${id}`);
  return run;
}
