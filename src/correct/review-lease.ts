import { randomUUID } from 'node:crypto';
import type { Database } from '../database.ts';
import { listFolds } from './review-cards.ts';
import { isFree, listPlaces, narrow, type Place, type ReviewFilter } from './review-queue.ts';

/** A card that a reviewer holds. Its rows are fixed with the lease: what the reviewer looked at is what is answered. */
export interface Lease {
  id: string;
  until: Date;
  /** The row to answer, then its near-duplicates. */
  requestIds: string[];
}

export interface LeaseRequest extends ReviewFilter {
  operator: string;
  count: number;
  minutes: number;
  /** Leases that the reviewer's page shows already. Others they hold come back first. */
  held: readonly string[];
}

/** Others may take the first ones at this moment. */
const spare = 16;
/** A fold of thousands is answered in several turns. */
const largestFold = 2000;

/**
 * The next cards for a reviewer, held for them; two reviewers never get the same one. What they hold already and their
 * page does not know of, as after it was closed, comes first.
 */
export async function leaseCards(db: Database, request: LeaseRequest): Promise<Lease[]> {
  const own = await renewOwn(db, request);
  const missing = request.count - own.length;
  if (missing <= 0) return own;
  const fresh = await db.transaction((tx) => takeCards(tx, { ...request, count: missing }));
  return [...own, ...fresh];
}

async function renewOwn(db: Database, request: LeaseRequest): Promise<Lease[]> {
  const { operator, held, count, minutes, models, incident, tag, cluster } = request;
  return db.query<Lease>(
    `with own as (
       select lease from relearn.review_queue q
       where lease is not null and leased_by = $1 and leased_until > now() and removed_at is null
         and lease <> all($2::uuid[]) and model = any($5) and ${narrow('q', { incident, tag, cluster }, 6)}
       group by lease order by min(leased_until), lease limit $3
     ), renewed as (
       update relearn.review_queue set leased_until = now() + make_interval(mins => $4)
       where lease in (select lease from own) returning lease, leased_until, request_id, lease_place
     )
     select lease as id, min(leased_until) as until, array_agg(request_id order by lease_place) as "requestIds"
     from renewed group by lease order by lease`,
    [operator, held, count, minutes, models, incident ?? null, tag ?? null, cluster ?? null],
  );
}

type Holding = Omit<LeaseRequest, 'held'>;

async function takeCards(tx: Database, request: Holding): Promise<Lease[]> {
  const places = await lockHeads(tx, request);
  const folds = await listFolds(tx, places);
  // Rows of a fold that someone else holds from before stay theirs.
  const members = new Set(await lockRows(tx, [...folds.values()].flat(), request.operator));
  const leases = [...folds.values()].map((requestIds) => ({
    id: randomUUID(),
    requestIds: requestIds.filter((id) => members.has(id)).slice(0, largestFold),
  }));
  const until = await writeLeases(tx, leases, request);
  return leases.map((lease) => ({ ...lease, until }));
}

/** Holds the first row of each of the next cards, for a tool that answers rows one by one. */
export async function holdHeads(tx: Database, request: Holding): Promise<string[]> {
  const places = await lockHeads(tx, request);
  const leases = places.map(({ requestId }) => ({ id: randomUUID(), requestIds: [requestId] }));
  await writeLeases(tx, leases, request);
  return places.map(({ requestId }) => requestId);
}

async function lockHeads(tx: Database, { operator, count, ...filter }: Holding): Promise<Place[]> {
  const places = await listPlaces(tx, { ...filter, limit: count + spare, headsOnly: true, freeFor: operator });
  const ids = places.map(({ requestId }) => requestId);
  const locked = new Set(await lockRows(tx, ids, operator, count));
  return places.filter(({ requestId }) => locked.has(requestId));
}

/** Locks those that are free still, in this order; what another transaction has locked is passed over. */
async function lockRows(
  tx: Database,
  requestIds: readonly string[],
  operator: string,
  limit?: number,
): Promise<string[]> {
  const rows = await tx.query<{ requestId: string }>(
    `select q.request_id as "requestId"
     from unnest($1::text[]) with ordinality as wanted (request_id, place) join relearn.review_queue q using (request_id)
     where q.removed_at is null and ${isFree}
     order by wanted.place limit $2
     for update of q skip locked`,
    [requestIds, limit ?? null, operator],
  );
  return rows.map(({ requestId }) => requestId);
}

async function writeLeases(
  tx: Database,
  leases: readonly Pick<Lease, 'id' | 'requestIds'>[],
  { operator, minutes }: Pick<Holding, 'operator' | 'minutes'>,
): Promise<Date> {
  const lines = leases.flatMap(({ id, requestIds }) =>
    requestIds.map((requestId, place) => ({ id, requestId, place })),
  );
  const [written] = await tx.query<{ until: Date }>(
    `with written as (
       update relearn.review_queue q
       set lease = line.id, lease_place = line.place, leased_by = $4, leased_until = now() + make_interval(mins => $5)
       from unnest($1::text[], $2::uuid[], $3::int[]) as line (request_id, id, place)
       where q.request_id = line.request_id
     ) select now() + make_interval(mins => $5) as until`,
    [
      lines.map(({ requestId }) => requestId),
      lines.map(({ id }) => id),
      lines.map(({ place }) => place),
      operator,
      minutes,
    ],
  );
  return written?.until ?? new Date();
}

/** Holds a card for longer. Null: it is not theirs any more. */
export async function renewLease(
  db: Database,
  { lease, operator, minutes }: { lease: string; operator: string; minutes: number },
): Promise<Date | null> {
  const [row] = await db.query<{ until: Date }>(
    `update relearn.review_queue set leased_until = now() + make_interval(mins => $3)
     where lease = $1 and leased_by = $2 returning leased_until as until`,
    [lease, operator, minutes],
  );
  return row?.until ?? null;
}

/** Gives a card back for others at once; nothing happens when it is not theirs any more. */
export async function releaseLease(
  db: Database,
  { lease, operator }: { lease: string; operator: string },
): Promise<void> {
  await db.query(
    `update relearn.review_queue set lease = null, leased_by = null, leased_until = null
     where lease = $1 and leased_by = $2`,
    [lease, operator],
  );
}
