import type { Database } from '../database.ts';
import { readReviewRows, type Place, type ReviewRow } from './review-queue.ts';

/** A row to answer, and its near-duplicates, which the same answer may serve. */
export interface ReviewCard extends ReviewRow {
  /** Rows that one answer may serve, this one included. */
  answers: number;
  /** The first of its near-duplicates, to look at before the answer is applied to all. */
  others: ReviewRow[];
}

/** Who holds a card, until when. */
export interface Holder {
  operator: string;
  until: Date;
}

const shownOthers = 5;

/** The rows of each card that wait, its first one first. */
export async function listFolds(db: Database, places: readonly Place[]): Promise<Map<string, string[]>> {
  const rows = await db.query<{ head: string; requestIds: string[] }>(
    `select place.request_id as head,
       array_agg(q.request_id order by q.request_id <> place.request_id, q.position, q.request_id) as "requestIds"
     from unnest($1::text[], $2::text[], $3::text[]) as place (request_id, model, card)
     join relearn.review_queue q on q.model = place.model and q.card = place.card and q.removed_at is null
     group by place.request_id`,
    [places.map(({ requestId }) => requestId), places.map(({ model }) => model), places.map(({ card }) => card)],
  );
  const folds = new Map(rows.map(({ head, requestIds }) => [head, requestIds]));
  return new Map(places.map(({ requestId }) => [requestId, folds.get(requestId) ?? [requestId]]));
}

/** The card of each fold as it is shown; null when its rows are gone. */
export async function readCards(db: Database, folds: readonly (readonly string[])[]): Promise<(ReviewCard | null)[]> {
  const shown = folds.map((requestIds) => requestIds.slice(0, shownOthers + 1));
  const rows = new Map((await readReviewRows(db, shown.flat())).map((row) => [row.request_id, row]));
  return shown.map((requestIds, place) => {
    const [row, ...others] = requestIds.flatMap((id) => rows.get(id) ?? []);
    return row === undefined ? null : { ...row, answers: folds[place]?.length ?? 1, others };
  });
}

/** Who holds these rows now. */
export async function listHolders(db: Database, requestIds: readonly string[]): Promise<Map<string, Holder>> {
  const rows = await db.query<{ requestId: string; operator: string; until: Date }>(
    `select request_id as "requestId", leased_by as operator, leased_until as until from relearn.review_queue
     where request_id = any($1) and leased_until > now()`,
    [requestIds],
  );
  return new Map(rows.map(({ requestId, operator, until }) => [requestId, { operator, until }]));
}
