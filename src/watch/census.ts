import type { Database } from '../database.ts';
import type { HourShares } from './healthy-level.ts';

/**
 * Which rows are counted: production rows of the model that its champion answered. The census is `samples` and
 * `recent` together, so it reaches back as far as `recent` does; before that only the rows that were sampled are left,
 * and most of those are unusual.
 */
export interface CensusScope {
  model: string;
  modelVersion: string;
  /** When the champion was deployed. */
  since: Date;
  hotWindowHours: number;
  at: Date;
}

/** What is counted of a row: its log-probability (rows without one are left out), or -1 where a user was unhappy, else 0. */
export type Measure = 'logprob' | 'feedback';

export interface CountOptions {
  of: Measure;
  /** Rows after this, as Postgres writes times (JavaScript dates lose the microseconds). */
  from: string;
  until: string;
  /** Indicator i holds for a row whose value is below `thresholds[i]`. */
  thresholds: readonly number[];
  /** The first or the last so many of the rows are counted. */
  limit: { first: number } | { last: number };
  /** Leaves out users that had rows earlier in the hour of `from`: they were counted then. */
  skipCounted: boolean;
  /** Counts every nth row, chosen by request id. */
  everyNth?: number;
}

export interface Counted {
  rows: number;
  /** Time of the last row; null when there is none. */
  until: string | null;
  hours: HourShares[];
}

const values: Record<Measure, string> = {
  logprob: 'response_logprob',
  feedback: `case when exists (select from relearn.tags t where t.request_id = r.request_id and t.tag = 'user_negative')
    then -1.0 else 0.0 end`,
};
const conditions: Record<Measure, string> = {
  logprob: `model = $1 and model_version = $2 and source = 'production' and response_logprob is not null`,
  feedback: `model = $1 and model_version = $2 and source = 'production'`,
};

/** Rows between two times from both tables, each once: a pinned row is in both. */
function rowsBetween(of: Measure, order: string): string {
  const rows = (table: string) =>
    `(select request_id, ts, user_id_hash, ${values[of]} as value from relearn.${table} r
      where ${conditions[of]} and ts > $3 and ts <= $4 and ($6 = 1 or hashtext(request_id) % $6 = 0) ${order} limit $5)`;
  return `select * from (${rows('samples')} union ${rows('recent')}) both_tables ${order} limit $5`;
}

/** Counts units by hour; see `HourShares` for what a unit is. */
export async function countShares(
  db: Database,
  { model, modelVersion }: Pick<CensusScope, 'model' | 'modelVersion'>,
  { of, from, until, thresholds, limit, skipCounted, everyNth = 1 }: CountOptions,
): Promise<Counted> {
  const [order, most] = 'first' in limit ? ['order by ts', limit.first] : ['order by ts desc', limit.last];
  const counted = await db.query<{ rows: number; until: string; place: number; units: number; sum: number }>(
    `with census as materialized (${rowsBetween(of, order)}),
     counted_before as (
       select user_id_hash from relearn.samples r
       where $8 and ${conditions[of]} and ts >= date_trunc('hour', $3::timestamptz) and ts <= $3 and user_id_hash is not null
       union
       select user_id_hash from relearn.recent r
       where $8 and ${conditions[of]} and ts >= date_trunc('hour', $3::timestamptz) and ts <= $3 and user_id_hash is not null
     ), units as (
       select date_trunc('hour', ts) as hour, coalesce(user_id_hash, request_id) as unit, place,
         avg((value < threshold)::int)::float8 as share
       from census cross join unnest($7::float8[]) with ordinality as t (threshold, place)
       where user_id_hash is null or date_trunc('hour', ts) > $3::timestamptz
         or user_id_hash not in (select user_id_hash from counted_before)
       group by 1, 2, 3
     )
     select (select count(*) from census) as rows, (select max(ts) from census)::text as until,
       place, count(*) as units, sum(share) as sum
     from units group by hour, place order by hour, place`,
    [model, modelVersion, from, until, most, everyNth, thresholds, skipCounted],
  );
  const hours: HourShares[] = [];
  for (const { place, units, sum } of counted) {
    if (place === 1) hours.push({ units, sums: [] });
    hours.at(-1)?.sums.push(sum);
  }
  return { rows: counted[0]?.rows ?? 0, until: counted[0]?.until ?? null, hours };
}

/** The values below which these shares of the rows between two times lie. */
export async function readQuantiles(
  db: Database,
  { model, modelVersion }: Pick<CensusScope, 'model' | 'modelVersion'>,
  { from, until, first, shares, everyNth }: CountRange & { shares: readonly number[] },
): Promise<number[]> {
  const [row] = await db.query<{ quantiles: number[] | null }>(
    `select percentile_disc($7::float8[]) within group (order by value) as quantiles
     from (${rowsBetween('logprob', 'order by ts')}) census`,
    [model, modelVersion, from, until, first, everyNth, shares],
  );
  return row?.quantiles ?? [];
}

interface CountRange {
  from: string;
  until: string;
  first: number;
  everyNth: number;
}

/** Production requests of the version between two times, and seconds since the last one, by the minute counters. */
export async function readTraffic(
  db: Database,
  { model, modelVersion, at }: Pick<CensusScope, 'model' | 'modelVersion' | 'at'>,
  from: Date,
): Promise<{ requests: number; idleSeconds: number | null }> {
  const [row] = await db.query<{ requests: number; idleSeconds: number | null }>(
    `select coalesce(sum(requests), 0)::float8 as requests,
       extract(epoch from $4::timestamptz - max(minute))::float8 as "idleSeconds"
     from relearn.minutes
     where model = $1 and model_version = $2 and source = 'production' and minute >= $3 and minute <= $4 and requests > 0`,
    [model, modelVersion, from, at],
  );
  return row ?? { requests: 0, idleSeconds: null };
}

/** Where the census begins: the deployment, or as far back as `recent` reaches. */
export function censusStart({ since, at, hotWindowHours }: Omit<CensusScope, 'model' | 'modelVersion'>): Date {
  return new Date(Math.max(since.getTime(), at.getTime() - hotWindowHours * 3_600_000));
}

/** Whether anybody gave feedback on the model, within retention. */
export async function hasFeedback(db: Database, model: string): Promise<boolean> {
  const rows = await db.query(`select 1 from relearn.feedback where model = $1 limit 1`, [model]);
  return rows.length > 0;
}
