import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Database } from '../database.ts';
import type { CaseResult } from './verdict.ts';

export interface EvalRunKey {
  model: string;
  version: string;
  /** Of all cases asked, the held-out corrections included. */
  packSha256: string;
  /** The retrain run that asked; null for a run by hand. */
  run: number | null;
}

export interface EvalRun extends EvalRunKey {
  id: string;
  /** Of the pack's file alone. */
  fileSha256: string | null;
  results: CaseResult[];
}

const resultsSchema = z.array(
  z.object({
    case: z.string(),
    slice: z.string(),
    label: z.string().optional(),
    passed: z.boolean().nullable(),
    rate: z.number().optional(),
    score: z.number().optional(),
    latencyMs: z.number().optional(),
  }),
);

/** The same version, pack and retrain run have one eval run. */
export function evalRunId({ model, version, packSha256, run }: EvalRunKey): string {
  return createHash('sha256')
    .update(JSON.stringify([model, version, packSha256, run]))
    .digest('hex')
    .slice(0, 32);
}

/** Stores what a version did with the pack, and returns its id. Stored again, the first results stay. */
export async function storeEvalRun(
  db: Database,
  { results, fileSha256, ...key }: EvalRunKey & { fileSha256: string; results: readonly CaseResult[] },
): Promise<string> {
  const id = evalRunId(key);
  await db.query(
    `insert into relearn.eval_runs (id, model, version, run, pack_sha256, file_sha256, cases, passed, results)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing`,
    [
      id,
      key.model,
      key.version,
      key.run,
      key.packSha256,
      fileSha256,
      results.length,
      results.filter(({ passed }) => passed === true).length,
      JSON.stringify(results),
    ],
  );
  return id;
}

/** Forgets a run, so that the same version can be asked anew. */
export async function deleteEvalRun(db: Database, key: EvalRunKey): Promise<void> {
  await db.query(`delete from relearn.eval_runs where id = $1`, [evalRunId(key)]);
}

/** The stored run, or null when it was not run yet. */
export async function getEvalRun(db: Database, id: string): Promise<EvalRun | null> {
  const [row] = await db.query<EvalRunKey & { id: string; fileSha256: string | null; results: unknown }>(
    `select id, model, version, run, pack_sha256 as "packSha256", file_sha256 as "fileSha256", results
     from relearn.eval_runs where id = $1`,
    [id],
  );
  return row === undefined ? null : { ...row, results: resultsSchema.parse(row.results) };
}

/** What each version did with the eval pack in a retrain run, by its name; its latest, where it was asked again. */
export async function listRunResults(db: Database, model: string, run: number): Promise<Map<string, CaseResult[]>> {
  const rows = await db.query<{ version: string; results: unknown }>(
    `select distinct on (version) version, results from relearn.eval_runs
     where model = $1 and run = $2 order by version, at desc`,
    [model, run],
  );
  return new Map(rows.map(({ version, results }) => [version, resultsSchema.parse(results)]));
}
