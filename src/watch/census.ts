import { z } from 'zod';
import type { Database } from '../database.ts';
import type { ConfidenceCount } from './confidence-monitor.ts';

/**
 * Which rows are counted: production rows of the model that its champion answered with a log-probability. The census
 * is `samples` and `recent` together, so it reaches back as far as `recent` does; before that only the rows that were
 * sampled are left, and most of those are low.
 */
export interface CensusScope {
  model: string;
  modelVersion: string;
  /** When the champion was deployed. */
  since: Date;
  /** The version's low-confidence threshold (natural log). */
  below: number;
  hotWindowHours: number;
  at: Date;
}

const referenceSchema = z.object({
  rows: z.number(),
  low: z.number(),
  below: z.number(),
  /** Time of its last row, as Postgres writes it (JavaScript dates lose the microseconds). */
  until: z.string(),
});

export interface ConfidenceReference extends ConfidenceCount {
  complete: boolean;
  until: string;
}

export interface Census {
  /** Counts of the latest rows, one for each size asked for; `rows` is smaller where there are not so many. */
  windows: ConfidenceCount[];
  /** Seconds since the newest row; null when there is none. */
  idleSeconds: number | null;
}

const monitor = 'confidence';
/** A reference that cannot fill up, since its first rows are about to leave `recent`, is taken from this many. */
const fewestRows = 100;

/**
 * The champion's first `referenceRequests` rows, counted once and stored, since `recent` forgets them after a day. Until
 * there are as many it returns what there is, with `complete: false`. A new threshold takes a new reference.
 */
export async function takeReference(
  db: Database,
  scope: CensusScope & { referenceRequests: number },
): Promise<ConfidenceReference> {
  const stored = await readReference(db, scope);
  if (stored !== null) return stored;
  const from = censusStart(scope);
  const counted = await countFirst(db, scope, from, scope.referenceRequests);
  const cannotGrow = scope.since < from && counted.rows >= fewestRows;
  if (counted.until === null || (counted.rows < scope.referenceRequests && !cannotGrow)) {
    return { rows: counted.rows, low: counted.low, complete: false, until: counted.until ?? from.toISOString() };
  }
  const { rows, low, until } = counted;
  const values = [scope.model, scope.modelVersion, monitor, { rows, low, until, below: scope.below }];
  await db.query(
    `insert into relearn.monitor_references as r (model, model_version, monitor, figures) values ($1, $2, $3, $4)
     on conflict (model, model_version, monitor) do update set figures = excluded.figures, taken_at = now()
       where r.figures->>'below' is distinct from excluded.figures->>'below'`,
    values,
  );
  return (await readReference(db, scope)) ?? { rows, low, complete: true, until };
}

/** Counts the latest rows after the reference. Rows that are in both tables count once. */
export async function readCensus(
  db: Database,
  scope: CensusScope & { reference: ConfidenceReference; sizes: readonly number[] },
): Promise<Census> {
  const counts = await db.query<{ rows: number; low: number; idle: number | null }>(
    `with latest as (
       select ts, low, row_number() over (order by ts desc) as n from (
         (select request_id, ts, response_logprob < $5 as low from relearn.samples
          where model = $1 and model_version = $2 and source = 'production' and response_logprob is not null
            and ts > greatest($3::timestamptz, $4::timestamptz) and ts <= $6 order by ts desc limit $8)
         union
         (select request_id, ts, response_logprob < $5 from relearn.recent
          where model = $1 and model_version = $2 and source = 'production' and response_logprob is not null
            and ts > greatest($3::timestamptz, $4::timestamptz) and ts <= $6 order by ts desc limit $8)
       ) census
     )
     select count(*) as rows, count(*) filter (where low) as low,
       extract(epoch from $6 - max(ts))::float8 as idle
     from unnest($7::int[]) with ordinality as wanted (size, place)
     left join latest on latest.n <= wanted.size
     where latest.n is not null
     group by place order by place`,
    [
      scope.model,
      scope.modelVersion,
      scope.reference.until,
      censusStart(scope),
      scope.below,
      scope.at,
      scope.sizes,
      Math.max(...scope.sizes),
    ],
  );
  return {
    windows: counts.map(({ rows, low }) => ({ rows, low })),
    idleSeconds: counts[0]?.idle ?? null,
  };
}

function censusStart({ since, at, hotWindowHours }: CensusScope): Date {
  return new Date(Math.max(since.getTime(), at.getTime() - hotWindowHours * 3_600_000));
}

async function readReference(db: Database, scope: CensusScope): Promise<ConfidenceReference | null> {
  const [row] = await db.query<{ figures: unknown }>(
    `select figures from relearn.monitor_references where model = $1 and model_version = $2 and monitor = $3`,
    [scope.model, scope.modelVersion, monitor],
  );
  const parsed = referenceSchema.safeParse(row?.figures);
  if (!parsed.success || parsed.data.below !== scope.below) return null;
  const { rows, low, until } = parsed.data;
  return { rows, low, complete: true, until };
}

async function countFirst(
  db: Database,
  scope: CensusScope,
  from: Date,
  limit: number,
): Promise<ConfidenceCount & { until: string | null }> {
  const [counted] = await db.query<ConfidenceCount & { until: string | null }>(
    `select count(*) as rows, count(*) filter (where low) as low, max(ts)::text as until from (
       select ts, low from (
         (select request_id, ts, response_logprob < $4 as low from relearn.samples
          where model = $1 and model_version = $2 and source = 'production' and response_logprob is not null
            and ts >= $3 and ts <= $5 order by ts limit $6)
         union
         (select request_id, ts, response_logprob < $4 from relearn.recent
          where model = $1 and model_version = $2 and source = 'production' and response_logprob is not null
            and ts >= $3 and ts <= $5 order by ts limit $6)
       ) census order by ts limit $6
     ) first`,
    [scope.model, scope.modelVersion, from, scope.below, scope.at, limit],
  );
  return counted ?? { rows: 0, low: 0, until: null };
}
