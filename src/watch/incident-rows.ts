import { sqlState, type Database } from '../database.ts';
import { getIncident } from './incidents.ts';
import type { Incident } from './incidents.ts';

export interface PinOptions {
  /** At most so many rows are copied out of `recent` for one incident. */
  maxPinned: number;
  /** 0: `recent` is not written, and no row was drawn from it. */
  hotWindowHours: number;
  /** Rows of one transaction, about. */
  batch?: number | undefined;
  /** Go on after this time, as `onBatch` told it. Left out: the whole window, which also finds rows written late. */
  after?: string | undefined;
  /** Told after each batch: everything up to `after` is done. */
  onBatch?: ((done: { after: string; tagged: number; copied: number }) => void) | undefined;
}

/**
 * Keeps and tags an incident's production rows: copies them from `recent` into `samples`, pins and tags all that
 * `samples` then holds, `drift_window` up to the detection and `post_drift` after it. Each batch of time is one
 * statement, and a batch done twice changes nothing.
 *
 * Does `recent` hold more rows of the window than `maxPinned`, half of the budget takes the least confident ones and the
 * other half is drawn at random by a hash of the request id. The rule is fixed at the first call and stored in the
 * incident's figures. A pin's probability is the row's whole chance of being here, p + (1 - p) * sampling rate, as
 * `relearn.weights` needs it. Rows that are here for certain need no pin; neither do those of hours that `recent` no
 * longer holds, which still stand for the rows that were not sampled then. A tag that a person took off stays off.
 */
export async function pinIncidentRows(
  db: Database,
  incident: Incident,
  options: PinOptions,
): Promise<{ tagged: number; copied: number }> {
  const until = incident.collectingUntil ?? new Date();
  await db.query(
    `select relearn.ensure_partition('samples', day)
     from generate_series(date_trunc('day', $2::timestamptz, 'UTC'), $3, interval '1 day') day
     where exists (
       select from relearn.recent where model = $1 and ts >= greatest(day, $2) and ts <= least(day + interval '1 day', $3))`,
    [incident.model, incident.windowStart, until],
  );
  const rule = await fixRule(db, incident, options.maxPinned);
  const total = { tagged: 0, copied: 0 };
  const batch = options.batch ?? 50_000;
  const hotSince = options.hotWindowHours > 0 ? await oldestHotHour(db) : null;
  // A batch takes what is later than `after`: the millisecond before the window lets its first row in.
  let after = options.after ?? new Date(incident.windowStart.getTime() - 1).toISOString();
  for (;;) {
    const slice = await nextSlice(db, incident, after, until, batch);
    if (slice === null) return total;
    const done = await pinSlice(db, { incident, rule, after, end: slice, maxPinned: options.maxPinned, hotSince });
    total.tagged += done.tagged;
    total.copied += done.copied;
    after = slice;
    options.onBatch?.({ after, ...done });
  }
}

const uniqueViolation = '23505';

/** Rows less confident than `cutoff` are copied for certain, the others with probability `p`. */
interface PinRule {
  cutoff: number | null;
  p: number;
}

async function fixRule(db: Database, incident: Incident, maxPinned: number): Promise<PinRule> {
  // Three standard deviations of the draw are left free, so that chance alone does not break the budget.
  const random = Math.max(0, Math.ceil(maxPinned / 2) - Math.ceil(3 * Math.sqrt(maxPinned / 2)));
  const [stored] = await db.query<PinRule>(
    `with most as (
       select count(*) as rows from relearn.recent r, relearn.incidents i
       where i.id = $1 and r.model = i.model and r.ts between i.window_start and i.detected_at
     ), hot as (
       select r.response_logprob as logprob from relearn.recent r, relearn.incidents i
       where (select rows from most) > $2 and i.id = $1 and not i.figures ? 'pinning' and r.model = i.model and r.source = 'production'
         and r.ts between i.window_start and i.detected_at
         and not exists (select 1 from relearn.samples s where s.request_id = r.request_id and s.ts = r.ts
           and s.model = i.model and s.ts between i.window_start and i.detected_at)
     ), size as (select count(*) as rows from hot),
     split as (
       select rows > $2 as over, (select logprob from hot order by logprob limit 1 offset $3) as cutoff, rows from size
     ), rule as (
       select jsonb_build_object('copied', 0, 'cutoff', case when over then cutoff end,
         'p', case when over then least(1.0, $4::float8 / (rows - $3)) else 1 end) as pinning from split
     ), fixed as (
       update relearn.incidents set figures = figures || jsonb_build_object('pinning', rule.pinning) from rule
       where id = $1 and not figures ? 'pinning' returning figures
     )
     select (figures->'pinning'->>'cutoff')::float8 as cutoff, (figures->'pinning'->>'p')::float8 as p
     from (select figures from fixed union all select figures from relearn.incidents where id = $1) known
     where figures ? 'pinning' limit 1`,
    [incident.id, maxPinned, Math.floor(maxPinned / 2), random],
  );
  if (stored !== undefined) return stored;
  await getIncident(db, incident.id); // throws when there is none
  return fixRule(db, incident, maxPinned);
}

/** Where the next batch ends, inclusive; null when no row is left. */
async function nextSlice(
  db: Database,
  incident: Incident,
  after: string,
  until: Date,
  batch: number,
): Promise<string | null> {
  const [slice] = await db.query<{ end: string | null }>(
    `select max(ts)::text as end from (
       select ts from (
         (select ts from relearn.samples where model = $1 and ts > $2 and ts <= $3 order by ts limit $4)
         union all
         (select ts from relearn.recent where model = $1 and ts > $2 and ts <= $3 order by ts limit $4)
       ) rows order by ts limit $4
     ) batch`,
    [incident.model, after, until, batch],
  );
  return slice?.end ?? null;
}

/** Where `recent` begins; null when it holds nothing. */
async function oldestHotHour(db: Database): Promise<Date | null> {
  const [oldest] = await db.query<{ since: Date | null }>(
    `select min(to_timestamp(substring(c.relname from '\\d{10}$') || '+00', 'YYYYMMDDHH24TZH')) as since
     from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'relearn.recent'::regclass`,
  );
  return oldest?.since ?? null;
}

interface Slice {
  incident: Incident;
  rule: PinRule;
  /** Exclusive. */
  after: string;
  /** Inclusive. */
  end: string;
  maxPinned: number;
  hotSince: Date | null;
}

type OnConflict = '' | 'on conflict do nothing';

/**
 * Keeps and tags a slice. The first time all its rows are new, and a plain insert takes two thirds of the time of one
 * that looks out for rows that are there already; that one follows when one is.
 */
async function pinSlice(db: Database, slice: Slice): Promise<{ tagged: number; copied: number }> {
  const insert = (onConflict: OnConflict) => db.transaction((tx) => insertSlice(tx, slice, onConflict));
  try {
    return await insert('');
  } catch (error) {
    if (sqlState(error) !== uniqueViolation) throw error;
    return insert('on conflict do nothing');
  }
}

async function insertSlice(tx: Database, slice: Slice, onConflict: OnConflict) {
  await tx.query(`set local work_mem = '64MB'`); // a slice fits
  const { copied, drawn } = await copySlice(tx, slice, onConflict);
  if (slice.hotSince !== null) await insertPins(tx, slice, drawn, onConflict);
  return { copied, tagged: await insertTags(tx, slice, onConflict) };
}

/** Rows of the slice from `recent` to `samples`. `drawn` is false when it was out of budget, and copied nothing: some of its rows would
 * come with a probability that is not true. */
async function copySlice(
  tx: Database,
  { incident, rule, after, end, maxPinned }: Slice,
  onConflict: OnConflict,
): Promise<{ copied: number; drawn: boolean }> {
  const [done] = await tx.query<{ copied: number; drawn: boolean }>(
    `with wanted as materialized (
       select r.* from relearn.recent r
       where r.model = $7 and r.source = 'production' and r.ts > $2 and r.ts <= $3
         and (coalesce(r.response_logprob < $4::float8, false) or
           (hashtextextended(r.request_id, hashtext($1)) & 9007199254740991) < $5::float8 * 9007199254740992)
         and not exists (select from relearn.samples s where s.request_id = r.request_id and s.ts = r.ts
           and s.model = $7 and s.ts > $2 and s.ts <= $3)
     ), budget as (
       select (select count(*) from wanted) <= $6 - (figures->'pinning'->>'copied')::int as kept, detected_at
       from relearn.incidents where id = $1
     ), copied as (
       insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
         response_logprob, kept_because, inclusion_probability, source, tools)
       select w.request_id, w.ts, w.model, w.model_version, w.prompt, w.response, w.latency_ms, w.user_id_hash,
         w.response_logprob, case when w.ts <= b.detected_at then 'drift_window' else 'post_drift' end,
         coalesce(d.probability, w.inclusion_probability), w.source, w.tools
       from wanted w cross join budget b
       left join relearn.draws d on d.model = w.model and d.hour = date_trunc('hour', w.ts, 'UTC')
       where b.kept
       ${onConflict}
       returning 1
     ), counted as (
       update relearn.incidents set figures = jsonb_set(figures, '{pinning,copied}',
         to_jsonb((figures->'pinning'->>'copied')::int + (select count(*) from copied)))
       where id = $1 and exists (select from copied)
     )
     select (select count(*) from copied) as copied, kept as drawn from budget`,
    [incident.id, after, end, rule.cutoff, rule.p, maxPinned, incident.model],
  );
  return done ?? { copied: 0, drawn: false };
}

async function insertPins(
  tx: Database,
  { incident, rule, after, end, hotSince }: Slice,
  drawn: boolean,
  onConflict: OnConflict,
): Promise<void> {
  await tx.query(
    `insert into relearn.pins (request_id, reason, probability)
     select s.request_id, 'incident/' || $1, s.inclusion_probability + (1 - s.inclusion_probability) *
       case when not $6 then 0 when s.response_logprob < $4::float8 then 1 else $5::float8 end
     from relearn.samples s
     where s.model = $7 and s.source = 'production' and s.ts > $2 and s.ts <= $3
       and s.ts >= $8 and s.inclusion_probability < 1
     ${onConflict}`,
    [incident.id, after, end, rule.cutoff, rule.p, drawn, incident.model, hotSince],
  );
}

async function insertTags(tx: Database, { incident, after, end }: Slice, onConflict: OnConflict): Promise<number> {
  const [done] = await tx.query<{ tagged: number }>(
    `with tagged as (
       insert into relearn.tags (request_id, tag, incident, model, source, actor)
       select s.request_id, case when s.ts <= $4 then 'drift_window' else 'post_drift' end, $1, s.model, 'drift', 'relearn'
       from relearn.samples s
       where s.model = $5 and s.source = 'production' and s.ts > $2 and s.ts <= $3
         and not exists (
           select from relearn.tag_removals r where r.request_id = s.request_id and r.incident = $1 and r.source = 'drift')
       ${onConflict} returning 1
     )
     select count(*) as tagged from tagged`,
    [incident.id, after, end, incident.detectedAt, incident.model],
  );
  return done?.tagged ?? 0;
}
