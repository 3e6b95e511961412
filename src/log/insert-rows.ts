import type { Database } from '../database.ts';
import type { LogRow } from './row.ts';

/**
 * Stores rows in one transaction: those kept for a reason in `samples`, the others in `recent`. Rows that are there
 * already stay as they are. Kept production rows of an open incident get its `post_drift` tag.
 */
export async function insertRows(db: Database, rows: readonly LogRow[]): Promise<void> {
  const kept = rows.filter((row) => row.keptBecause !== null);
  const unsampled = rows.filter((row) => row.keptBecause === null);
  await db.transaction(async (tx) => {
    if (kept.length > 0) await insertSamples(tx, kept);
    if (unsampled.length > 0) await insertRecent(tx, unsampled);
    const drifted = kept.filter((row) => row.incident !== null && row.source === 'production');
    if (drifted.length > 0) await tagPostDrift(tx, drifted);
  });
}

async function insertSamples(db: Database, rows: readonly LogRow[]): Promise<void> {
  await db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, inclusion_probability, source, kept_because)
     select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::real[],
       $8::text[], $9::float8[], $10::float8[], $11::text[], $12::text[])
     on conflict do nothing`,
    [...columns(rows), rows.map((row) => row.keptBecause)],
  );
}

async function insertRecent(db: Database, rows: readonly LogRow[]): Promise<void> {
  await db.query(
    `insert into relearn.recent (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, inclusion_probability, source)
     select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::real[],
       $8::text[], $9::float8[], $10::float8[], $11::text[])
     on conflict do nothing`,
    columns(rows),
  );
}

async function tagPostDrift(db: Database, rows: readonly LogRow[]): Promise<void> {
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source)
     select request_id, 'post_drift', incident, model, 'drift'
     from unnest($1::text[], $2::text[], $3::text[]) as tagged (request_id, incident, model)
     on conflict do nothing`,
    [rows.map((row) => row.requestId), rows.map((row) => row.incident), rows.map((row) => row.model)],
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
  ];
}

/** Postgres stores neither the character zero nor half a surrogate pair. */
function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '');
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
