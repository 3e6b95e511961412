import { setTimeout as sleep } from 'node:timers/promises';
import { withPatience, type Database } from '../database.ts';

/** Rows that nobody tagged are worth a look while they are young: later ones of their kind have taken their place. */
const lowConfidenceDays = 7;

interface FillOptions {
  models: readonly string[];
  /** Look at tags and rows since then only. Left out: at all, which also drops lines whose rows are gone. */
  since?: Date | undefined;
}

/**
 * Brings the review queue up to date with tags, low-confidence rows and corrections. Filling twice changes nothing, and
 * several processes may fill at once.
 */
export async function fillReviewQueue(db: Database, { models, since }: FillOptions): Promise<void> {
  await dropAnswered(db, models, since);
  await followRemovedTags(db, models, since);
  await addTagged(db, models, since);
  await addUnsure(db, models, since);
  await placeCards(db, models);
  if (since === undefined) await dropGone(db, models);
}

const columns = 'request_id, model, ts, incident, confidence, card, rank, position';
const cards = 'left join relearn.review_cards c on c.model = s.model and c.request_id = s.request_id';
const uncorrected = `not exists (
  select 1 from relearn.corrections c where c.request_id = s.request_id and c.verified)`;

async function addTagged(db: Database, models: readonly string[], since: Date | undefined): Promise<void> {
  await db.query(
    `with tagged as (
       select request_id, max(incident) as incident from relearn.tags
       where model = any($1) and created_at >= coalesce($2::timestamptz, '-infinity')
       group by request_id
     ), fresh as materialized (
       select t.* from tagged t left join relearn.review_queue q using (request_id)
       where q.request_id is null or q.incident < t.incident
     )
     insert into relearn.review_queue (${columns})
     select distinct on (s.request_id) s.request_id, s.model, s.ts, fresh.incident,
       coalesce(s.response_logprob, '-infinity'), c.card, c.rank, c.position
     from fresh join relearn.samples s using (request_id) ${cards}
     where s.source = 'production' and ${uncorrected}
     order by s.request_id, s.ts
     on conflict (request_id) do update set incident = excluded.incident`,
    [models, since ?? null],
  );
}

async function addUnsure(db: Database, models: readonly string[], since: Date | undefined): Promise<void> {
  await db.query(
    `insert into relearn.review_queue (${columns})
     select s.request_id, s.model, s.ts, '', coalesce(s.response_logprob, '-infinity'), c.card, c.rank, c.position
     from relearn.samples s ${cards}
     where s.model = any($1) and s.kept_because = 'low_confidence' and s.source = 'production' and ${uncorrected}
       and s.ts >= greatest($2::timestamptz, now() - interval '${lowConfidenceDays} days')
       and not exists (select 1 from relearn.review_queue q where q.request_id = s.request_id)
     on conflict do nothing`,
    [models, since ?? null],
  );
}

/** What a reviewer is about to answer is passed over: waiting for it could be waiting in a circle. */
async function dropAnswered(db: Database, models: readonly string[], since: Date | undefined): Promise<void> {
  await db.query(
    `delete from relearn.review_queue d using (
       select q.request_id from relearn.review_queue q join relearn.corrections c using (request_id)
       where c.verified and q.removed_at is null and q.model = any($1)
         and c.created_at >= coalesce($2::timestamptz, '-infinity')
       for update of q skip locked
     ) answered where d.request_id = answered.request_id`,
    [models, since ?? null],
  );
}

/**
 * A row that has lost its last tag goes, unless its low confidence brought it in; one that has lost an incident's goes to
 * another. A card in a reviewer's hands stays until it is given back: what they type is not to be lost.
 */
async function followRemovedTags(db: Database, models: readonly string[], since: Date | undefined): Promise<void> {
  await db.query(
    `with held as (
       select q.request_id, coalesce(max(t.incident), '') as incident,
         count(t.tag) = 0 and not bool_or(s.kept_because = 'low_confidence') as untagged
       from relearn.review_queue q
       join relearn.samples s on s.request_id = q.request_id and s.ts = q.ts
       left join relearn.tags t on t.request_id = q.request_id
       where q.model = any($1) and q.removed_at is null and (q.leased_until is null or q.leased_until <= now())
         and q.request_id in (select r.request_id from relearn.tag_removals r
           where r.removed_at >= coalesce($2::timestamptz, '-infinity'))
       group by q.request_id
     ), moved as (
       update relearn.review_queue q set incident = held.incident from held
       where q.request_id = held.request_id and not held.untagged and q.incident <> held.incident
     )
     delete from relearn.review_queue q using held
     where q.request_id = held.request_id and held.untagged and (q.leased_until is null or q.leased_until <= now())`,
    [models, since ?? null],
  );
}

/** Takes the order of the cards over where it was computed anew, or rows came in since. */
async function placeCards(db: Database, models: readonly string[]): Promise<void> {
  await db.query(
    `with stale as (
       select model from unnest($1::text[]) w (model)
       where exists (select 1 from relearn.review_cards c where c.model = w.model and c.computed_at >
         coalesce((select p.placed_at from relearn.review_placed p where p.model = w.model), '-infinity'))
     ), placed as (
       insert into relearn.review_placed (model, placed_at)
       select model, (select max(c.computed_at) from relearn.review_cards c where c.model = stale.model) from stale
       on conflict (model) do update set placed_at = excluded.placed_at
     )
     update relearn.review_queue q set card = line.card, rank = line.rank, position = line.position
     from (
       select o.request_id, c.card, c.rank, c.position
       from relearn.review_queue o left join relearn.review_cards c on c.model = o.model and c.request_id = o.request_id
       where o.model in (select model from stale)
         and (o.card, o.rank, o.position) is distinct from (c.card, c.rank, c.position)
       for update of o skip locked
     ) line where q.request_id = line.request_id`,
    [models],
  );
}

/** Rows that retention or an erasure took, and what was proposed for them. */
async function dropGone(db: Database, models: readonly string[]): Promise<void> {
  await db.query(
    `with gone as (
       delete from relearn.proposals p where p.model = any($1)
         and not exists (select 1 from relearn.samples s where s.request_id = p.request_id)
     )
     delete from relearn.review_queue q where q.model = any($1)
       and not exists (select 1 from relearn.samples s where s.request_id = q.request_id and s.ts = q.ts)`,
    [models],
  );
}

/** A transaction may end this long after the time its rows carry. */
const overlapMs = 60_000;
/** What came later than that, from a spool or a long transaction, is found by a look at all rows. */
const wholeEveryMs = 10 * 60_000;
/** A request waits this long for the queue to be filled; after that it answers from what there is. */
const usualPatienceMs = 150;
/** Before the first filling that may be nothing, though rows wait. */
const firstPatienceMs = 5000;
/** Nobody waits for the filling of a long queue, which takes what it takes. */
const longestStatementMs = 10 * 60_000;

export type QueueFiller = ReturnType<typeof createQueueFiller>;

/**
 * Fills the queue when someone asks for it: `fill` resolves when a filling that began after the call has ended, or
 * after a moment. At most one is under way.
 */
export function createQueueFiller(
  db: Database,
  models: readonly string[],
  onError: (error: unknown) => void,
  patienceMs = usualPatienceMs,
) {
  const patient = withPatience(db, longestStatementMs);
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let filledAt: Date | undefined;
  let wholeAt = -Infinity;

  async function run(): Promise<void> {
    next = undefined;
    const began = new Date();
    const whole = filledAt === undefined || began.getTime() - wholeAt > wholeEveryMs;
    try {
      await fillReviewQueue(patient, { models, since: whole ? undefined : new Date(Number(filledAt) - overlapMs) });
      filledAt = began;
      if (whole) wholeAt = began.getTime();
    } catch (error) {
      onError(error);
    }
  }

  return {
    async fill(): Promise<void> {
      next ??= running = running.then(run);
      const waitMs = filledAt === undefined ? Math.max(firstPatienceMs, patienceMs) : patienceMs;
      await Promise.race([next, sleep(waitMs, undefined, { ref: false })]);
    },
    /** Waits for what is under way. */
    close: () => running,
  };
}
