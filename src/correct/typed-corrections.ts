import type { Database } from '../database.ts';

/** Stands for the row of a message that could not be read: it may have been anyone's. */
export const unreadable = '';

/**
 * Notes that the history of a workflow holds what a person typed for these rows, whatever becomes of it: an erasure finds
 * the workflow by it. Done twice, it is the same.
 */
export async function noteTyped(db: Database, workflow: string, requestIds: readonly string[]): Promise<void> {
  await db.query(
    `insert into relearn.typed_corrections (request_id, workflow_id)
     select distinct id, $1 from unnest($2::text[]) id order by id
     on conflict do nothing`,
    [workflow, requestIds],
  );
}

/** Of a workflow that has no run any more. */
export async function forgetTyped(db: Database, workflow: string): Promise<void> {
  await db.query(`delete from relearn.typed_corrections where workflow_id = $1`, [workflow]);
}
