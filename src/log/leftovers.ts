import type { Database } from '../database.ts';
import type { PartitionAge } from './partitions.ts';

/** What was said of rows by request id, and when. */
const tables = [
  { name: 'tags', at: 'created_at', ofIncidents: true },
  { name: 'tag_removals', at: 'removed_at', ofIncidents: true },
  { name: 'pins', at: 'pinned_at', ofIncidents: false },
  { name: 'feedback', at: 'created_at', ofIncidents: false },
] as const;
const batchRows = 5000;
/** A row may lie in a gateway's spool while others speak of it already. */
const spoolHours = 24;

/**
 * Deletes tags, removed tags, pins and feedback, a day after their time, of requests that have no row any more. What
 * belongs to corrections, datasets and open incidents stays: the next dataset is made of it, and incidents are measured by
 * it. Done again after an interruption, it goes on. Returns deleted rows by table; `tell` gets them meanwhile.
 */
export async function deleteLeftovers(
  db: Database,
  { hotWindowHours, retentionDays, now }: PartitionAge,
  tell: (deleted: Record<string, number>) => void = () => {},
): Promise<Record<string, number>> {
  const hours = Math.max(retentionDays * 24, hotWindowHours) + spoolHours;
  const before = new Date(now.getTime() - hours * 3_600_000);
  const deleted: Record<string, number> = {};
  for (const table of tables) {
    for (let rows = batchRows; rows === batchRows;) {
      rows = await deleteBatch(db, table, before);
      if (rows > 0) deleted[table.name] = (deleted[table.name] ?? 0) + rows;
      tell(deleted);
    }
  }
  return deleted;
}

/** Looks rows up by subqueries, one by one in the indexes of the partitions: a join would read the whole log. */
async function deleteBatch(
  db: Database,
  { name, at, ofIncidents }: (typeof tables)[number],
  before: Date,
): Promise<number> {
  const notOpen = `and incident not in (select id from relearn.incidents where state not in ('resolved', 'closed'))`;
  const deleted = await db.query(
    `with old as materialized (
       select request_id, ctid as place from relearn.${name} t
       where ${at} < $1 ${ofIncidents ? notOpen : ''}
         and not exists (select from relearn.corrections c where c.request_id = t.request_id)
         and not exists (select from relearn.dataset_rows d where d.request_id = t.request_id)
     ), gone as (
       select place from old
       where (select true from relearn.samples s where s.request_id = old.request_id limit 1) is null
         and (select true from relearn.recent r where r.request_id = old.request_id limit 1) is null
       limit ${batchRows}
     )
     delete from relearn.${name} where ctid = any(array(select place from gone)) returning 1`,
    [before],
  );
  return deleted.length;
}
