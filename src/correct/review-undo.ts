import { randomUUID } from 'node:crypto';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { withdrawCorrections } from './restate.ts';
import type { Lease } from './review-lease.ts';

interface Action {
  id: string;
  action: 'answer' | 'skip' | 'remove';
  model: string;
  requestIds: string[];
  correctionIds: string[];
}

/** What is older is no slip of the hand. */
const undoMinutes = 60;

/**
 * Undoes what a reviewer did last, and gives them the card again. Throws `nothing_to_undo`, also when a dataset has the
 * answer already or someone else holds a row.
 */
export async function undoLast(
  db: Database,
  { operator, minutes }: { operator: string; minutes: number },
): Promise<{ undone: Action['action']; model: string; lease: Lease }> {
  return db.transaction(async (tx) => {
    const last = await findLast(tx, operator);
    const withdrawn = await withdrawCorrections(tx, last.correctionIds);
    if (withdrawn.length < last.correctionIds.length) {
      throw new RelearnError(
        'nothing_to_undo',
        'A dataset has learned from this answer, or it was taken back. Correct the row again: the last one wins.',
      );
    }
    await tx.query(`update relearn.proposals set correction_id = null where correction_id = any($1)`, [withdrawn]);
    const lease = await takeBack(tx, last, operator, minutes);
    await tx.query(`update relearn.review_actions set undone_at = now() where id = $1`, [last.id]);
    return { undone: last.action, model: last.model, lease };
  });
}

async function findLast(tx: Database, operator: string): Promise<Action> {
  const [last] = await tx.query<Action>(
    `select id, action, model, request_ids as "requestIds", correction_ids as "correctionIds"
     from relearn.review_actions
     where operator = $1 and undone_at is null and at > now() - interval '${undoMinutes} minutes'
     order by at desc limit 1 for update`,
    [operator],
  );
  if (last !== undefined) return last;
  throw new RelearnError('nothing_to_undo', `You did nothing in the last ${undoMinutes} minutes that can be undone.`);
}

async function takeBack(
  tx: Database,
  { requestIds, action }: Action,
  operator: string,
  minutes: number,
): Promise<Lease> {
  const id = randomUUID();
  const rows = await tx.query<{ requestId: string; until: Date }>(
    `insert into relearn.review_queue (request_id, model, ts, incident, confidence, card, rank, position,
       lease, lease_place, leased_by, leased_until)
     select distinct on (s.request_id) s.request_id, s.model, s.ts,
       coalesce((select max(t.incident) from relearn.tags t where t.request_id = s.request_id), ''),
       coalesce(s.response_logprob, '-infinity'), c.card, c.rank, c.position, $2::uuid, line.place, $3::text, now() + make_interval(mins => $4)
     from unnest($1::text[]) with ordinality as line (request_id, place)
     join relearn.samples s using (request_id)
     left join relearn.review_cards c on c.model = s.model and c.request_id = s.request_id
     order by s.request_id, s.ts
     on conflict (request_id) do update set lease = excluded.lease, lease_place = excluded.lease_place,
       leased_by = excluded.leased_by, leased_until = excluded.leased_until, removed_at = null, removed_by = null,
       skipped_by = array_remove(review_queue.skipped_by, $3::text)
     where review_queue.leased_by is null or review_queue.leased_by = $3 or review_queue.leased_until <= now()
     returning request_id as "requestId", leased_until as until`,
    [requestIds, id, operator, minutes],
  );
  const back = new Set(rows.map(({ requestId }) => requestId));
  const until = rows[0]?.until;
  if (until !== undefined && (action === 'skip' || back.size === requestIds.length)) {
    return { id, until, requestIds: requestIds.filter((requestId) => back.has(requestId)) };
  }
  throw new RelearnError('nothing_to_undo', 'Someone else has the card by now.');
}
