import type { Database } from '../database.ts';
import type { RetrainStatus, RetrainTrigger } from '../temporal.ts';

/** One attempt to retrain, from its triggers to its outcome. */
export interface RetrainRun {
  model: string;
  n: number;
  triggers: RetrainTrigger[];
  /** Corrections with a `seq` up to this belong to the run. */
  cutoffSeq: number;
  state: 'running' | RetrainStatus;
  startedAt: Date;
}

/**
 * Numbers a run and fixes which corrections it learns from. `key` names the run for its caller: asked again with the
 * same key, the same number comes back.
 */
export async function claimRun(
  db: Database,
  { model, key, triggers }: { model: string; key: string; triggers: readonly RetrainTrigger[] },
): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.query(`insert into relearn.models (name) values ($1) on conflict do nothing`, [model]);
    await tx.query(`select 1 from relearn.models where name = $1 for update`, [model]);
    await tx.query(
      `insert into relearn.retrain_runs (model, n, key, triggers, cutoff_seq)
       select $1, coalesce((select max(n) from relearn.retrain_runs where model = $1), 0) + 1, $2, $3,
         coalesce((select max(seq) from relearn.corrections where model = $1), 0)
       on conflict (key) do nothing`,
      [model, key, JSON.stringify(triggers)],
    );
    const [run] = await tx.query<{ n: number }>(`select n from relearn.retrain_runs where key = $1`, [key]);
    if (run === undefined) throw new Error('the run that was just claimed is gone');
    return run.n;
  });
}

export async function getRun(db: Database, model: string, n: number): Promise<RetrainRun> {
  const [run] = await db.query<RetrainRun>(
    `select model, n, triggers, cutoff_seq as "cutoffSeq", state, started_at as "startedAt"
     from relearn.retrain_runs where model = $1 and n = $2`,
    [model, n],
  );
  if (run === undefined) throw new Error(`no retrain run ${n} of model ${model}`);
  return run;
}

/** The runs of the models that have no outcome yet. */
export async function listRunning(db: Database, models: readonly string[]): Promise<{ model: string; run: number }[]> {
  return db.query(
    `select model, n as run from relearn.retrain_runs where state = 'running' and model = any($1) order by model, n`,
    [models],
  );
}

/**
 * Writes the outcome once, and into the audit where a person decided it; a second report of the same run changes nothing.
 */
export async function finishRun(
  db: Database,
  { model, n, status, reason, by }: { model: string; n: number; status: RetrainStatus; reason: string; by?: string },
): Promise<void> {
  await db.query(
    `with ended as (
       update relearn.retrain_runs set state = $3, reason = $4, finished_at = now()
       where model = $1 and n = $2 and state = 'running'
       returning model, n
     )
     insert into relearn.audit (actor, action, model, subject, details)
     select $5, 'run_' || $3, model, (select version from relearn.versions v where v.model = $1 and v.run = $2),
       jsonb_build_object('run', n, 'reason', $4::text)
     from ended where $5::text is not null`,
    [model, n, status, reason, by ?? null],
  );
}
