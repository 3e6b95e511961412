import type { Database } from '../database.ts';
import type { KeptBecause, LogRow } from './row.ts';

/** A logged row as it lies in the database; `kept` is false while it is only in `recent`. */
export interface StoredRow extends Omit<LogRow, 'incident'> {
  kept: boolean;
}

/** The row of a request, or null when nothing is known of it (any more). */
export async function findRow(db: Database, requestId: string): Promise<StoredRow | null> {
  if (requestId.includes('\0')) return null;
  const [row] = await db.query<StoredRow>(
    `select request_id as "requestId", ts, model, model_version as "modelVersion", prompt, response, tools,
       latency_ms as "latencyMs", user_id_hash as "userIdHash", response_logprob as "responseLogprob", source,
       kept_because as "keptBecause", inclusion_probability as "inclusionProbability",
       kept_because is not null as kept
     from (
       select request_id, ts, model, model_version, prompt, response, tools, latency_ms, user_id_hash, response_logprob,
         source, kept_because, inclusion_probability
       from relearn.samples where request_id = $1
       union all
       select request_id, ts, model, model_version, prompt, response, tools, latency_ms, user_id_hash, response_logprob,
         source, null, inclusion_probability
       from relearn.recent where request_id = $1
     ) both_tables
     order by kept_because is null, ts
     limit 1`,
    [requestId],
  );
  return row ?? null;
}

export interface PinOptions {
  /** What the copies in `samples` are kept for. */
  keptBecause?: KeptBecause;
  /**
   * What the rows were chosen from. `all`: whatever was sampled or not, as by a time window or by users' feedback; such
   * rows count once. `samples`: by someone who saw sampled rows only, as in review; these stand for others still.
   */
  chosenFrom?: 'all' | 'samples';
}

/**
 * Holds rows for good: copies those that are only in `recent` into `samples` and notes the reason. Unknown ids are
 * passed over; pinning twice changes nothing. Returns the ids that are held, which include those pinned before.
 *
 * A pinned row counts once in `relearn.weights`, because all of its kind are pinned. That is so only while the rows
 * that were not sampled are still in `recent`: a pin that comes later keeps the row's own probability.
 */
export async function pinRows(
  db: Database,
  requestIds: readonly string[],
  reason: string,
  { keptBecause = 'flagged', chosenFrom = 'all' }: PinOptions = {},
): Promise<string[]> {
  const known = requestIds.filter((id) => !id.includes('\0'));
  await ensureSamplePartitions(db, known);
  const pinned = await db.query<{ requestId: string }>(
    `with wanted as (
       select distinct unnest($1::text[]) as request_id
     ), sampled as (
       select s.request_id, s.inclusion_probability,
         to_regclass(to_char(s.ts at time zone 'UTC', '"relearn.recent_"YYYYMMDDHH24')) is not null as hot
       from relearn.samples s join wanted using (request_id)
     ), unsampled as (
       select r.* from relearn.recent r join wanted using (request_id)
       where not exists (select from sampled where sampled.request_id = r.request_id)
     ), copied as (
       insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
         response_logprob, kept_because, inclusion_probability, source, tools)
       select request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash, response_logprob, $3,
         coalesce(nullif(inclusion_probability, 0), 1), source, tools
       from unsampled
       on conflict do nothing
     ), held as (
       select request_id, 1 as probability from unsampled
       union all
       select s.request_id, case when hot and $4 = 'all' then 1 else coalesce(nullif(s.inclusion_probability, 0),
         (select max(p.probability) from relearn.pins p where p.request_id = s.request_id), 1) end
       from sampled s
     ), noted as (
       insert into relearn.pins (request_id, reason, probability)
       select request_id, $2, max(probability) from held group by request_id
       on conflict do nothing
     )
     select distinct request_id as "requestId" from held`,
    [known, reason, keptBecause, chosenFrom],
  );
  return pinned.map((row) => row.requestId);
}

/** On a day on which nothing was sampled yet there is no partition to copy into. */
async function ensureSamplePartitions(db: Database, requestIds: readonly string[]): Promise<void> {
  await db.query(
    `select relearn.ensure_partition('samples', day) from (
       select distinct date_trunc('day', ts, 'UTC') as day from relearn.recent where request_id = any($1)
     ) days`,
    [requestIds],
  );
}
