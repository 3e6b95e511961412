import type { Database } from '../database.ts';

export interface Reviewer {
  operator: string;
  /** Cards in their hands now. */
  holds: number;
  /** Cards they answered within the hour, less those undone. */
  answered: number;
}

/** Who reviews a model: who holds cards now or answered some within the hour. */
export async function listReviewers(db: Database, model: string): Promise<Reviewer[]> {
  return db.query<Reviewer>(
    `select operator, sum(holds)::int as holds, sum(answered)::int as answered from (
       select leased_by as operator, count(distinct lease) as holds, 0 as answered from relearn.review_queue
         where lease is not null and model = $1 and leased_until > now() and removed_at is null group by leased_by
       union all
       select operator, 0, count(*) from relearn.review_actions
         where at > now() - interval '1 hour' and model = $1 and action = 'answer' and undone_at is null
         group by operator
     ) each_way group by operator order by answered desc, operator limit 50`,
    [model],
  );
}

/** What people said of a row, the latest first: that one counts. */
export async function listSaid(
  db: Database,
  requestId: string,
): Promise<{ operator: string; completion: string; at: Date }[]> {
  return db.query(
    `select operator, completion, created_at as at from relearn.corrections
     where request_id = $1 and verified order by seq desc limit 20`,
    [requestId],
  );
}
