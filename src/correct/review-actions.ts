import { randomUUID } from 'node:crypto';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { storeCorrections, type StoredCorrection } from './corrections.ts';
import { restateCorrections } from './restate.ts';

/** A card in a reviewer's hands. */
export interface HeldCard {
  operator: string;
  lease: string;
  /** The row to answer: names whom a conflict is with. */
  requestId: string;
}

/** The rows an answer is for: the card's first one, all of it, or some of it by request id. */
export type ApplyTo = 'row' | 'fold' | readonly string[];

export interface Answer extends HeldCard {
  /** Null: the model was right, and each row's response is its correction. */
  completion: string | null;
  applyTo: ApplyTo;
}

export interface Answered {
  action: string;
  model: string;
  stored: StoredCorrection[];
}

/**
 * Stores a reviewer's answer to a card they hold; what of the card it is not for goes back to the queue. A lease that
 * ran out counts as long as nobody else has taken the card. Throws `review_conflict` naming who came first.
 */
export async function answerCard(db: Database, answer: Answer): Promise<Answered> {
  return db.transaction(async (tx) => {
    const { model, requestIds } = await lockCard(tx, answer);
    const chosen = chooseRows(answer, requestIds);
    const waiting = await findWaiting(tx, chosen);
    if (waiting.length === 0) throw await describeConflict(tx, answer.requestId);
    const stored = await restateCorrections(
      tx,
      await storeCorrections(
        tx,
        waiting.map(({ requestId, response }) => ({
          ...{ requestId, operator: answer.operator, source: 'api' },
          completion: answer.completion ?? response,
        })),
      ),
    );
    const invalid = stored.find(({ status }) => status === 'invalid');
    if (invalid !== undefined) {
      throw new RelearnError(
        'invalid_request',
        'completion: wanted a text of 1 to 100,000 characters that can be redacted. Nothing was stored.',
      );
    }
    await markTicked(tx, stored);
    await tx.query(`delete from relearn.review_queue where request_id = any($1)`, [chosen]);
    await freeCard(tx, answer.lease);
    const action = await noteAction(tx, 'answer', { ...answer, model, requestIds: chosen, stored });
    return { action, model, stored };
  });
}

/** Gives the card to others; the reviewer sees it again after a while. Throws `review_conflict`. */
export async function skipCard(db: Database, card: HeldCard & { minutes: number }): Promise<{ action: string }> {
  return db.transaction(async (tx) => {
    const { model, requestIds } = await lockCard(tx, card);
    await tx.query(
      `update relearn.review_queue set skipped_until = now() + make_interval(mins => $3),
         skipped_by = case when skipped_until > now() then skipped_by else '{}' end || $2::text
       where request_id = any($1)`,
      [requestIds, card.operator, card.minutes],
    );
    await freeCard(tx, card.lease);
    return { action: await noteAction(tx, 'skip', { ...card, model, requestIds }) };
  });
}

/** Takes rows that nobody should answer out of the queue for good. Throws `review_conflict`. */
export async function removeRows(db: Database, card: HeldCard & { applyTo: ApplyTo }): Promise<{ action: string }> {
  return db.transaction(async (tx) => {
    const { model, requestIds } = await lockCard(tx, card);
    const chosen = chooseRows(card, requestIds);
    await tx.query(`update relearn.review_queue set removed_by = $2, removed_at = now() where request_id = any($1)`, [
      chosen,
      card.operator,
    ]);
    await freeCard(tx, card.lease);
    return { action: await noteAction(tx, 'remove', { ...card, model, requestIds: chosen }) };
  });
}

async function lockCard(tx: Database, card: HeldCard): Promise<{ model: string; requestIds: string[] }> {
  const rows = await tx.query<{ requestId: string; model: string }>(
    `select request_id as "requestId", model from relearn.review_queue
     where lease = $1 and leased_by = $2 and removed_at is null order by lease_place for update`,
    [card.lease, card.operator],
  );
  const [first] = rows;
  if (first === undefined || !rows.some(({ requestId }) => requestId === card.requestId)) {
    throw await describeConflict(tx, card.requestId);
  }
  return { model: first.model, requestIds: rows.map(({ requestId }) => requestId) };
}

function chooseRows({ requestId, applyTo }: { requestId: string; applyTo: ApplyTo }, card: readonly string[]) {
  if (applyTo === 'row') return [requestId];
  if (applyTo === 'fold') return card;
  const own = new Set(card);
  if (applyTo.length > 0 && applyTo.every((id) => own.has(id))) return applyTo;
  throw new RelearnError('invalid_request', 'apply_to: wanted "row", "fold", or request ids of this card.');
}

/** Those that nobody has corrected meanwhile by another way. */
async function findWaiting(
  tx: Database,
  requestIds: readonly string[],
): Promise<{ requestId: string; response: string }[]> {
  return tx.query(
    `select q.request_id as "requestId", s.response
     from relearn.review_queue q join relearn.samples s on s.request_id = q.request_id and s.ts = q.ts
     where q.request_id = any($1) and not exists (
       select 1 from relearn.corrections c where c.request_id = q.request_id and c.verified)
     order by q.lease_place`,
    [requestIds],
  );
}

/** A person who says what the stronger model proposed has verified it. */
async function markTicked(tx: Database, stored: readonly StoredCorrection[]): Promise<void> {
  await tx.query(
    `update relearn.proposals p set correction_id = c.id, reason = 'a person said the same'
     from relearn.corrections c
     where c.id = any($1) and p.request_id = c.request_id and p.completion = c.completion and p.correction_id is null`,
    [stored.map(({ id }) => id)],
  );
}

async function freeCard(tx: Database, lease: string): Promise<void> {
  await tx.query(
    `update relearn.review_queue set lease = null, lease_place = null, leased_by = null, leased_until = null
     where lease = $1`,
    [lease],
  );
}

async function noteAction(
  tx: Database,
  action: 'answer' | 'skip' | 'remove',
  done: { operator: string; model: string; requestIds: readonly string[]; stored?: readonly StoredCorrection[] },
): Promise<string> {
  const id = randomUUID();
  await tx.query(
    `insert into relearn.review_actions (id, model, operator, action, request_ids, correction_ids)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      ...[id, done.model, done.operator, action, done.requestIds],
      (done.stored ?? []).filter(({ status }) => status === 'stored').map((correction) => correction.id),
    ],
  );
  return id;
}

/** Why a card cannot be answered: who came first, and when. What they said stays out of errors. */
export async function describeConflict(tx: Database, requestId: string): Promise<RelearnError> {
  const [found] = await tx.query<{ what: 'answered' | 'removed' | 'holds'; operator: string; at: Date }>(
    `select 'answered' as what, operator, created_at as at, 1 as place
       from relearn.current_corrections where request_id = $1
     union all
     select case when removed_at is null then 'holds' else 'removed' end, coalesce(removed_by, leased_by),
       coalesce(removed_at, leased_until), 2
       from relearn.review_queue where request_id = $1 and (removed_at is not null or leased_until > now())
     order by place limit 1`,
    [requestId],
  );
  if (found === undefined) {
    return new RelearnError('review_conflict', 'You do not hold this card any more. Ask for the next one.');
  }
  const { what, operator, at } = found;
  const when = at.toISOString();
  const said =
    what === 'holds' ? `${operator} holds this card until ${when}` : `${operator} ${what} this row at ${when}`;
  return new RelearnError('review_conflict', `${said}. Ask for the next one.`, {
    details: { what, operator, at: when },
  });
}
