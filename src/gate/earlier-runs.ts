import type { Database } from '../database.ts';

/** How an earlier run on the same data ended. */
export interface Outcome {
  run: number;
  status: string;
  reason: string;
}

/**
 * The earlier run that has settled what another one on the same dataset would find; null when trying makes sense. Settled
 * is: promoted (and since replaced), rolled back, rejected by a person, or refused or inconclusive by the same eval pack
 * and gates. A run that failed, expired, came too late or was left open by a judge that did not answer settles nothing,
 * nor does one whose version learned from rows that were erased since.
 */
export async function findOutcome(
  db: Database,
  asked: { model: string; dataset: string; before: number; packSha256: string | null; gatesSha256: string },
): Promise<Outcome | null> {
  const [found] = await db.query<Outcome>(
    `select r.n as run, r.state as status, coalesce(r.reason, '') as reason
     from relearn.versions v
     join relearn.retrain_runs r on r.model = v.model and r.n = v.run
     where v.model = $1 and v.dataset = $2 and v.run < $3 and v.tainted_at is null and (
       r.state in ('promoted', 'rejected', 'rolled_back')
       or r.state in ('refused', 'inconclusive') and exists (
         select 1 from relearn.certificates c
         where c.model = v.model and c.version = v.version
           and c.content ->> 'packSha256' = $4 and c.content ->> 'gatesSha256' = $5
           and not jsonb_path_exists(c.content,
             '$.verdict.gates[*] ? (@.outcome == "inconclusive" && @.figures.unknownCases > 0)')))
     order by r.n desc limit 1`,
    [asked.model, asked.dataset, asked.before, asked.packSha256, asked.gatesSha256],
  );
  return found ?? null;
}
