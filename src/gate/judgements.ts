import { z } from 'zod';
import type { Database } from '../database.ts';
import { verdictSchema } from './certificate.ts';

const judgementSchema = z.object({
  /** The version it was compared with; null for the first one. */
  champion: z.string().nullable(),
  /** How often the eval pack has decided about the model, this time included. */
  packUses: z.number().int(),
  verdict: verdictSchema,
});

/** What the gates decided of a candidate, whether it gets a certificate or not. Figures; no text of a case. */
export type GateJudgement = z.output<typeof judgementSchema>;

/** Keeps it beside the candidate's eval run. Kept again, the later one stays. */
export async function keepJudgement(db: Database, evalRun: string, judgement: GateJudgement): Promise<void> {
  await db.query('update relearn.eval_runs set judgement = $2 where id = $1', [evalRun, judgement]);
}

/** The latest of a version; null for one that was not judged, or by a release that kept nothing or something else. */
export async function findJudgement(db: Database, model: string, version: string): Promise<GateJudgement | null> {
  const [row] = await db.query<{ judgement: unknown }>(
    `select e.judgement from relearn.versions v join relearn.eval_runs e on e.model = v.model and e.run = v.run
     where v.model = $1 and v.version = $2 and e.version = v.version and e.judgement is not null
     order by e.at desc limit 1`,
    [model, version],
  );
  return judgementSchema.safeParse(row?.judgement).data ?? null;
}
