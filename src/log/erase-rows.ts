import { sha256, unreadable } from '../correct/typed-corrections.ts';
import type { Database } from '../database.ts';
import { workflowId } from '../temporal.ts';

/** Begins an erasure, or goes on with it. Asked again after its end, it begins anew. */
export async function beginErasure(db: Database, userIdHash: string, by: string): Promise<void> {
  await db.query(
    `insert into relearn.erasures as e (user_id_hash, requested_by) values ($1, $2)
     on conflict (user_id_hash) do update set requested_at = now(), requested_by = excluded.requested_by, finished_at = null
       where e.finished_at is not null`,
    [userIdHash, by],
  );
}

/** Notes which requests are the user's, before what says so is deleted. Returns how many are known now. */
export async function findUserRows(db: Database, userIdHash: string): Promise<number> {
  await db.query(
    `insert into relearn.erasure_rows (user_id_hash, request_id)
     select $1, request_id from relearn.samples where user_id_hash = $1
     union select $1, request_id from relearn.recent where user_id_hash = $1
     union select $1, request_id from relearn.feedback where user_id_hash = $1
     on conflict do nothing`,
    [userIdHash],
  );
  const [counted] = await db.query<{ rows: number }>(
    `select count(*) as rows from relearn.erasure_rows where user_id_hash = $1`,
    [userIdHash],
  );
  return counted?.rows ?? 0;
}

const batch = 5000;

/**
 * Deletes what is kept of the user's requests, from every table that names requests but those that say which dataset
 * learned from which request, and which workflow took what was typed: they hold no text and no user. Returns deleted rows by table; `tell` gets them meanwhile.
 */
export async function deleteUserRows(
  db: Database,
  userIdHash: string,
  tell: (deleted: Record<string, number>) => void = () => {},
): Promise<Record<string, number>> {
  const deleted: Record<string, number> = {};
  for (const table of await listTablesOfRequests(db)) {
    for (let rows = batch; rows === batch;) {
      // The name comes from the catalogue of our own schema.
      const gone = await db.query(
        `delete from relearn.${table} where (request_id, ctid, tableoid) in (
           select t.request_id, t.ctid, t.tableoid from relearn.${table} t
           join relearn.erasure_rows e on e.request_id = t.request_id
           where e.user_id_hash = $1 limit ${batch})
         returning 1`,
        [userIdHash],
      );
      rows = gone.length;
      if (rows > 0) deleted[table] = (deleted[table] ?? 0) + rows;
      tell(deleted);
    }
  }
  await forgetCards(db, userIdHash);
  return deleted;
}

/**
 * Others' rows are named after the user's where they share a card: until the next order they wait without one. A
 * reviewer's last steps name whole cards; they serve to undo only, for an hour.
 */
async function forgetCards(db: Database, userIdHash: string): Promise<void> {
  await db.query(
    `with erased as (
       select array_agg(request_id) as ids from relearn.erasure_rows where user_id_hash = $1
     ), cards as (
       delete from relearn.review_cards where card = any((select ids from erased)::text[])
     ), steps as (
       delete from relearn.review_actions where request_ids && (select ids from erased)
     )
     update relearn.review_queue set card = null, rank = null, position = null
     where card = any((select ids from erased)::text[])`,
    [userIdHash],
  );
}

async function listTablesOfRequests(db: Database): Promise<string[]> {
  const tables = await db.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'relearn'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.attname = 'request_id' and not a.attisdropped and c.relname not in ('dataset_rows', 'erasure_rows')
     order by c.relname in ('samples', 'recent'), c.relname`,
  );
  return tables.map(({ name }) => name);
}

/**
 * Workflows whose histories hold what was typed for the user's rows, or may hold it: those it was typed into, whether it
 * was taken or not, those that got a message nobody could read, and the incidents that the rows belong to.
 */
export async function findWorkflowsOfUser(db: Database, userIdHash: string): Promise<string[]> {
  const typed = await db.query<{ id: string }>(
    `select distinct workflow_id as id from relearn.typed_corrections
     where request_sha256 = $2
       or request_sha256 in (select ${sha256('request_id')} from relearn.erasure_rows where user_id_hash = $1)
     order by 1`,
    [userIdHash, unreadable],
  );
  const incidents = await db.query<{ model: string; id: string }>(
    `select distinct i.model, i.id from relearn.erasure_rows e
     join relearn.tags t on t.request_id = e.request_id
     join relearn.incidents i on i.id = t.incident
     where e.user_id_hash = $1 order by i.id`,
    [userIdHash],
  );
  const tagged = incidents.map(({ model, id }) => workflowId.driftResponse(model, id));
  return [...new Set([...tagged, ...typed.map(({ id }) => id)])];
}

/** What an erasure did, without the user and without text. */
export interface ErasureReceipt {
  requests: number;
  /** Deleted rows by table. */
  deleted: Record<string, number>;
  /** Datasets that learned from rows of the user, with the revisions that replace them. */
  datasets: { id: string; revision: string }[];
  /** Versions that learned from them, as model/version. */
  tainted: string[];
  /** Closed workflow runs that were deleted, since they might hold the user's text as someone typed it. */
  deletedRuns: number;
  /** Models a retrain was asked for. */
  retrains: string[];
}

export async function finishErasure(db: Database, userIdHash: string, receipt: ErasureReceipt): Promise<void> {
  await db.transaction(async (tx) => {
    const [done] = await tx.query<{ by: string }>(
      `update relearn.erasures set finished_at = now(), receipt = $2
       where user_id_hash = $1 and finished_at is null returning requested_by as by`,
      [userIdHash, receipt],
    );
    await tx.query(`delete from relearn.erasure_rows where user_id_hash = $1`, [userIdHash]);
    if (done === undefined) return;
    await tx.query(`insert into relearn.audit (actor, action, subject, details) values ($1, 'erase_user', $2, $3)`, [
      done.by,
      userIdHash,
      receipt,
    ]);
  });
}

export interface Erasure {
  requestedAt: Date;
  /** Null while it is under way. */
  finishedAt: Date | null;
  receipt: ErasureReceipt | null;
}

export async function findErasure(db: Database, userIdHash: string): Promise<Erasure | null> {
  const [erasure] = await db.query<Erasure>(
    `select requested_at as "requestedAt", finished_at as "finishedAt", receipt
     from relearn.erasures where user_id_hash = $1`,
    [userIdHash],
  );
  return erasure ?? null;
}
