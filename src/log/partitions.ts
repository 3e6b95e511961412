import type { Database } from '../database.ts';

export interface PartitionAge {
  /** Rows that were not sampled are kept this long. */
  hotWindowHours: number;
  retentionDays: number;
  now: Date;
}

/** Makes the partitions of both tables from now to `hours` ahead, so that no writer has to. */
export async function ensureAhead(db: Database, hours: number): Promise<void> {
  await db.query(
    `select relearn.ensure_partition('samples', at)
     from generate_series(now(), now() + make_interval(hours => $1) + interval '1 day', interval '1 day') at
     union all
     select relearn.ensure_partition('recent', at)
     from generate_series(now(), now() + make_interval(hours => $1), interval '1 hour') at`,
    [hours],
  );
}

/**
 * Drops the partitions that lie wholly beyond their time and returns their names. A day of samples that the window of
 * an open incident reaches into stays; an hour of `recent` stays until the incident's rows are
 * pinned, for which it has one more hot window once its workflow runs. Corrected rows outlive their day, in a partition
 * of their own: what was learned once is learned again, and a version leads back to its rows.
 */
export async function dropExpiredPartitions(
  db: Database,
  { hotWindowHours, retentionDays, now }: PartitionAge,
): Promise<string[]> {
  return db.transaction(async (tx) => {
    const expired = await tx.query<{ name: string; identifier: string; sampled: boolean }>(
      `with parts as (
         select c.relname as name, p.relname as parent,
           to_timestamp(substring(c.relname from '\\d+$') || '+00',
             case p.relname when 'samples' then 'YYYYMMDDTZH' else 'YYYYMMDDHH24TZH' end) as starts,
           case p.relname when 'samples' then interval '1 day' else interval '1 hour' end as length
         from pg_inherits
         join pg_class c on c.oid = inhrelid
         join pg_class p on p.oid = inhparent
         where p.oid in ('relearn.samples'::regclass, 'relearn.recent'::regclass)
           and c.relname ~ '^(samples_\\d{8}|recent_\\d{10})$'
       )
       select name, format('relearn.%I', name) as identifier, parent = 'samples' as sampled from parts
       where starts + length <= $1::timestamptz
           - case parent when 'samples' then make_interval(days => $3) else make_interval(secs => $2 * 3600) end
         and not (parent = 'samples' and exists (
           select from relearn.incidents i
           where i.state not in ('resolved', 'closed')
             and i.window_start < starts + length and coalesce(i.collecting_until, $1::timestamptz) >= starts))
         and not (parent = 'recent' and exists (
           select from relearn.incidents i
           where (i.state = 'open' or i.state not in ('resolved', 'closed')
               and i.detected_at > $1::timestamptz - make_interval(secs => $2 * 3600))
             and i.window_start < starts + length and i.detected_at >= starts))
         and not (parent = 'samples'
           and exists (select from relearn.samples s where s.ts >= starts and s.ts < starts + length)
           and not exists (
             select from relearn.samples s where s.ts >= starts and s.ts < starts + length
               and not exists (select from relearn.corrections c where c.request_id = s.request_id)))
       order by name`,
      [now, hotWindowHours, retentionDays],
    );
    if (expired.length === 0) return [];
    // Better to come again in an hour than to hold up every writer behind a long query.
    await tx.query(`set local lock_timeout = '5s'`);
    const days = expired.filter(({ sampled }) => sampled).map(({ identifier }) => identifier);
    await tx.query(
      `create temporary table corrected_rows on commit drop as
       select s.* from relearn.samples s
       where s.tableoid = any($1::regclass[])
         and exists (select from relearn.corrections c where c.request_id = s.request_id)`,
      [days],
    );
    await tx.query(`drop table ${expired.map((part) => part.identifier).join(', ')}`);
    await tx.query(
      `select relearn.ensure_partition('samples', day)
       from (select distinct date_trunc('day', ts, 'UTC') as day from corrected_rows) days`,
    );
    await tx.query(`insert into relearn.samples select * from corrected_rows`);
    return expired.map((part) => part.name);
  });
}

/** Removes counts beyond retention, and ids of tallies that nobody will send again. */
export async function dropExpiredCounts(
  db: Database,
  { retentionDays, now }: Omit<PartitionAge, 'hotWindowHours'>,
): Promise<void> {
  await db.query(`delete from relearn.minutes where minute < $1::timestamptz - make_interval(days => $2)`, [
    now,
    retentionDays,
  ]);
  await db.query(`delete from relearn.draws where hour < $1::timestamptz - make_interval(days => $2)`, [
    now,
    retentionDays,
  ]);
  await db.query(`delete from relearn.tallies where at < $1::timestamptz - interval '7 days'`, [now]);
}
