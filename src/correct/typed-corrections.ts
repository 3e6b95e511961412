import type { Database } from '../database.ts';

/** Stands for the row of a message that could not be read: it may have been anyone's. */
export const unreadable = '';

/**
 * Notes that the history of a workflow holds what a person typed for these rows, whatever becomes of it: an erasure finds
 * the workflow by it. Done twice, it is the same. Ids are kept as SHA-256: a person may have typed anything for one.
 */
export async function noteTyped(db: Database, workflow: string, requestIds: readonly string[]): Promise<void> {
  await db.query(
    `insert into relearn.typed_corrections (request_sha256, workflow_id)
     select distinct case id when $3 then $3 else ${sha256('id')} end, $1 from unnest($2::text[]) id order by 1
     on conflict do nothing`,
    [workflow, requestIds, unreadable],
  );
}

/** A text of Postgres as SHA-256 in hex. */
export function sha256(text: string): string {
  return `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;
}

/** Of a workflow that has no run any more. */
export async function forgetTyped(db: Database, workflow: string): Promise<void> {
  await db.query(`delete from relearn.typed_corrections where workflow_id = $1`, [workflow]);
}
