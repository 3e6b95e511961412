import type { Database } from '../database.ts';
import { learnedBefore } from '../watch/incidents.ts';

/** How far the open incident of a model is. */
export interface IncidentCount {
  incident: string;
  /** Rows that count towards `minCorrected`, as `incidentProgress` has them. */
  counted: number;
}

/** Null when the model has no open incident. Reads the incident's corrections, which are few, not its rows. */
export async function countOpenIncident(db: Database, model: string): Promise<IncidentCount | null> {
  const [row] = await db.query<IncidentCount>(
    `select i.id as incident, (
       select count(*) from (
         select distinct on (c.request_id) c.request_id, c.id, c.equals_response from relearn.corrections c
         where c.model = i.model and c.verified
           and exists (select 1 from relearn.tags t where t.request_id = c.request_id and t.incident = i.id and t.incident <> '')
         order by c.request_id, c.seq desc
       ) last where not equals_response and not ${learnedBefore('last', 'last.id', 'i')}
     ) as counted
     from relearn.incidents i where i.model = $1 and i.state not in ('resolved', 'closed')`,
    [model],
  );
  return row ?? null;
}
