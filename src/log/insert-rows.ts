import type { Database } from '../database.ts';
import type { LogRow } from './row.ts';
import { storable } from './storable.ts';

/**
 * Stores rows in one transaction: those kept for a reason in `samples`, the others in `recent`. Rows that are there
 * already stay as they are; the others are returned. Kept production rows of an open incident get its `post_drift` tag.
 */
export async function insertRows(db: Database, rows: readonly LogRow[]): Promise<LogRow[]> {
  const kept = rows.filter((row) => row.keptBecause !== null);
  const unsampled = rows.filter((row) => row.keptBecause === null);
  return db.transaction(async (tx) => {
    const stored = [...(await insertSamples(tx, kept)), ...(await insertRecent(tx, unsampled))];
    await tagPostDrift(tx, kept);
    const ids = new Set(stored.map(({ id }) => id));
    return rows.filter((row) => ids.delete(row.requestId));
  });
}

async function insertSamples(db: Database, rows: readonly LogRow[]): Promise<{ id: string }[]> {
  if (rows.length === 0) return [];
  return db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, inclusion_probability, source, tools, kept_because)
     select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::real[],
       $8::text[], $9::float8[], $10::float8[], $11::text[], $12::text[], $13::text[])
     on conflict do nothing returning request_id as id`,
    [...columns(rows), rows.map((row) => row.keptBecause)],
  );
}

async function insertRecent(db: Database, rows: readonly LogRow[]): Promise<{ id: string }[]> {
  if (rows.length === 0) return [];
  return db.query(
    `insert into relearn.recent (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, inclusion_probability, source, tools)
     select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::real[],
       $8::text[], $9::float8[], $10::float8[], $11::text[], $12::text[])
     on conflict do nothing returning request_id as id`,
    columns(rows),
  );
}

/** Tags those of the rows that are kept production rows of an open incident. */
export async function tagPostDrift(db: Database, rows: readonly LogRow[]): Promise<void> {
  const drifted = rows.filter(
    ({ keptBecause, incident, source }) => keptBecause !== null && incident !== null && source === 'production',
  );
  if (drifted.length === 0) return;
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source)
     select request_id, 'post_drift', incident, model, 'drift'
     from unnest($1::text[], $2::text[], $3::text[]) as tagged (request_id, incident, model)
     on conflict do nothing`,
    [drifted.map((row) => row.requestId), drifted.map((row) => row.incident), drifted.map((row) => row.model)],
  );
}

/** The columns both tables share, one array each. */
function columns(rows: readonly LogRow[]): unknown[][] {
  return [
    rows.map((row) => row.requestId),
    rows.map((row) => row.ts),
    rows.map((row) => row.model),
    rows.map((row) => row.modelVersion),
    rows.map((row) => storable(row.prompt)),
    rows.map((row) => storable(row.response)),
    rows.map((row) => row.latencyMs),
    rows.map((row) => row.userIdHash),
    rows.map((row) => row.responseLogprob),
    rows.map((row) => row.inclusionProbability),
    rows.map((row) => row.source),
    rows.map((row) => row.tools ?? null),
  ];
}

export interface PartitionNeed {
  parent: 'samples' | 'recent';
  at: Date;
}

/** Makes the partitions that rows at these times need. Apart from the insert: each takes a lock on the whole table. */
export async function ensurePartitions(db: Database, needs: readonly PartitionNeed[]): Promise<void> {
  await db.query(
    `select relearn.ensure_partition(parent, at)
     from unnest($1::text[], $2::timestamptz[]) as need (parent, at)`,
    [needs.map(({ parent }) => parent), needs.map(({ at }) => at)],
  );
}
