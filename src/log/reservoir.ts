import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { keyedFraction } from './hash-user.ts';

export interface ReservoirOptions {
  model: string;
  /** Healthy rows to keep of each hour. */
  perHour: number;
  /** As for users' hashes: nobody without it can choose ids that are drawn. */
  hashKey: string;
  now: Date;
  /** Told now and then while an hour is drawn. */
  onProgress?: () => void;
}

export interface Draw {
  /** Start of the hour. */
  hour: Date;
  healthyRows: number;
  drawn: number;
}

/** Rows of an hour may still be on their way, or in a spool, when it has passed. */
const closesAfterHours = 1;
const pageRows = 5000;
const sliceRows = 250;

/**
 * Draws the reservoir of each closed hour that has none yet: of the hour's n healthy production rows in `recent` the k
 * with the smallest keyed hashes of their request ids go to `samples` with p = min(1, k/n). That is a simple random
 * sample (bottom-k; Cohen and Kaplan 2007), the same whoever draws it and however often. Several workers may call
 * it at once. Rows that reach `recent` after the draw, out of a spool, are drawn by `drawLate`; answers have no line
 * for them.
 */
export async function drawReservoirs(db: Database, options: ReservoirOptions): Promise<Draw[]> {
  const draws: Draw[] = [];
  for (const hour of await hoursToDraw(db, options)) {
    const draw = await drawHour(db, options, hour);
    if (draw !== null) draws.push(draw);
  }
  for (const hour of await hoursWithLateRows(db, options)) await drawLate(db, options, hour);
  return draws;
}

/** Drawn hours whose partition has taken in more since; a look too many does no harm. */
async function hoursWithLateRows(db: Database, { model }: ReservoirOptions): Promise<Date[]> {
  const hours = await db.query<{ hour: Date }>(
    `select hour from relearn.draws
     where model = $1 and threshold is not null and inserted <> ${insertedInto('hour')}
     order by hour`,
    [model],
  );
  return hours.map(({ hour }) => hour);
}

/** Rows that the partition of an hour ever took in; as it was when its table is gone. */
function insertedInto(hour: string): string {
  const name = `'relearn.recent_' || to_char(${hour} at time zone 'UTC', 'YYYYMMDDHH24')`;
  return `coalesce(pg_stat_get_tuples_inserted(to_regclass(${name})), inserted)`;
}

/**
 * Draws of the rows that came after their hour's draw those it would have taken: whose hash is up to its threshold t,
 * the largest hash it drew. A late row had no part in t, so its chance is t itself, and 1 / t weighs it without bias.
 * At most `perHour` of one coming are taken, the smallest m of l, with t m / l; the largest of them is the next t. A late
 * row that an incident over its budget pinned by chance keeps the chance of its pin, which is a little low.
 */
async function drawLate(db: Database, options: ReservoirOptions, hour: Date): Promise<void> {
  const { model, perHour } = options;
  await db.transaction(async (tx) => {
    const [draw] = await tx.query<{ threshold: number; inserted: string }>(
      `select threshold, ${insertedInto('hour')}::text as inserted from relearn.draws
       where model = $1 and hour = $2 for update`,
      [model, hour],
    );
    if (draw === undefined) return;
    const { late, smallest, threshold } = await smallestHashes(tx, options, hour, draw.threshold);
    const cut = late > perHour;
    const probability = draw.threshold * (cut ? perHour / late : 1);
    await copyDrawn(tx, model, hour, smallest, probability);
    await pinDrawn(tx, model, hour, smallest, probability);
    await tx.query(
      `update relearn.draws set drawn = drawn + $3, threshold = $4, inserted = $5 where model = $1 and hour = $2`,
      [model, hour, smallest.length, cut ? threshold : draw.threshold, draw.inserted],
    );
  });
}

async function hoursToDraw(db: Database, { model, now }: ReservoirOptions): Promise<Date[]> {
  const hours = await db.query<{ hour: Date }>(
    `select hour from (
       select to_timestamp(substring(c.relname from '\\d+$') || '+00', 'YYYYMMDDHH24TZH') as hour
       from pg_inherits join pg_class c on c.oid = inhrelid
       where inhparent = 'relearn.recent'::regclass and c.relname ~ '^recent_\\d{10}$'
     ) parts
     where hour + make_interval(hours => $2) <= $1::timestamptz
       and not exists (select from relearn.draws d where d.model = $3 and d.hour = parts.hour)
     order by hour`,
    [now, 1 + closesAfterHours, model],
  );
  return hours.map(({ hour }) => hour);
}

/** Null when another worker has drawn the hour. */
async function drawHour(db: Database, options: ReservoirOptions, hour: Date): Promise<Draw | null> {
  const { model, perHour } = options;
  return db.transaction(async (tx) => {
    // Another worker waits here until this one has drawn, or takes over when it could not.
    const claimed = await tx.query(
      `insert into relearn.draws (model, hour, healthy_rows, drawn, probability) values ($1, $2, 0, 0, 0)
       on conflict do nothing returning 1`,
      [model, hour],
    );
    if (claimed.length === 0) return null;
    const [before] = await tx.query<{ inserted: string }>(
      `select ${insertedInto('hour')}::text as inserted from relearn.draws where model = $1 and hour = $2`,
      [model, hour],
    );
    const { healthyRows, smallest, threshold } = await smallestHashes(tx, options, hour);
    const probability = healthyRows === 0 ? 0 : Math.min(1, perHour / healthyRows);
    await copyDrawn(tx, model, hour, smallest, probability);
    await mendPins(tx, model, hour, probability);
    await pinDrawn(tx, model, hour, smallest, probability);
    await tx.query(
      `update relearn.draws set healthy_rows = $3, drawn = $4, probability = $5, threshold = $6, inserted = $7
       where model = $1 and hour = $2`,
      [model, hour, healthyRows, smallest.length, probability, threshold, before?.inserted ?? 0],
    );
    return { hour, healthyRows, drawn: smallest.length };
  });
}

/**
 * Reads the hour's ids page by page and holds about twice `perHour` of them. With `upTo` only rows that are not in
 * `samples` and hash to at most that, `late` of them. `threshold` is the largest hash taken, or 1 when all were.
 */
async function smallestHashes(
  db: Database,
  { model, perHour, hashKey, onProgress }: ReservoirOptions,
  hour: Date,
  upTo?: number,
): Promise<{ healthyRows: number; late: number; smallest: string[]; threshold: number }> {
  let best: { id: string; fraction: number }[] = [];
  let limit = Infinity;
  let healthyRows = 0;
  let late = 0;
  let last = '';
  const cut = (): void => {
    best = best.sort((a, b) => a.fraction - b.fraction || (a.id < b.id ? -1 : 1)).slice(0, perHour);
    if (best.length === perHour) limit = best.at(-1)?.fraction ?? Infinity;
  };
  for (;;) {
    const page = await db.query<{ id: string }>(
      `select request_id as id from relearn.recent r
       where ts >= $1 and ts < $1::timestamptz + interval '1 hour' and model = $2 and source = 'production'
         and request_id > $3
         and ($5::boolean or not exists (
           select from relearn.samples s where s.request_id = r.request_id and s.ts = r.ts))
       order by request_id limit $4`,
      [hour, model, last, pageRows, upTo === undefined],
    );
    for (const [index, { id }] of page.entries()) {
      if (index % sliceRows === sliceRows - 1) await nextTurn();
      const fraction = keyedFraction(hashKey, id);
      if (fraction > (upTo ?? Infinity)) continue;
      late += 1;
      if (fraction <= limit) best.push({ id, fraction });
    }
    healthyRows += page.length;
    last = page.at(-1)?.id ?? last;
    if (best.length > 2 * perHour) cut();
    onProgress?.();
    if (page.length < pageRows) break;
  }
  cut();
  const threshold = best.length < perHour ? 1 : (best.at(-1)?.fraction ?? 1);
  return { healthyRows, late, smallest: best.map(({ id }) => id), threshold };
}

/** A row that is in `samples` by a pin gets its chance too. */
async function copyDrawn(db: Database, model: string, hour: Date, ids: string[], probability: number): Promise<void> {
  if (ids.length === 0) return;
  await db.query(`select relearn.ensure_partition('samples', $1)`, [hour]);
  await db.query(
    `insert into relearn.samples as s (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, kept_because, inclusion_probability, source, tools)
     select request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash, response_logprob, 'healthy',
       $4, source, tools
     from relearn.recent r join unnest($3::text[]) as drawn (request_id) using (request_id)
     where r.ts >= $1 and r.ts < $1::timestamptz + interval '1 hour' and r.model = $2
     on conflict (request_id, ts) do nothing`,
    [hour, model, ids, probability],
  );
}

/**
 * Where an incident over its budget pinned at random with chance r before the draw, a row's whole chance is now
 * r + (1 - r) p: of the rows that were pinned, and of those that are drawn only.
 */
async function mendPins(db: Database, model: string, hour: Date, probability: number): Promise<void> {
  await db.query(
    `with ${pinning}
     update relearn.pins p set probability = p.probability + (1 - p.probability) * $3
     from pinning, relearn.samples s
     where p.reason = pinning.reason and s.request_id = p.request_id and p.probability < 1
       and s.inclusion_probability = 0 and s.ts >= $1 and s.ts < $1::timestamptz + interval '1 hour'`,
    [hour, model, probability],
  );
}

/** Incidents that pinned rows of hour $1 of model $2 by chance. */
const pinning = `pinning as (
  select 'incident/' || id as reason, (figures->'pinning'->>'p')::float8 as r, window_start,
    coalesce(collecting_until, 'infinity') as collecting_until
  from relearn.incidents
  where model = $2 and (figures->'pinning'->>'p')::float8 < 1
    and window_start < $1::timestamptz + interval '1 hour' and coalesce(collecting_until, 'infinity') >= $1
)`;

/** The same for rows that are drawn and were not pinned. */
async function pinDrawn(db: Database, model: string, hour: Date, ids: string[], probability: number): Promise<void> {
  await db.query(
    `with ${pinning}
     insert into relearn.pins (request_id, reason, probability)
     select r.request_id, pinning.reason, pinning.r + (1 - pinning.r) * $4
     from relearn.recent r join unnest($3::text[]) as drawn (request_id) using (request_id), pinning
     where r.ts >= $1 and r.ts < $1::timestamptz + interval '1 hour'
       and r.ts between pinning.window_start and pinning.collecting_until
     on conflict do nothing`,
    [hour, model, ids, probability],
  );
}
