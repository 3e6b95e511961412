import type { Database } from '../../src/database.ts';

export interface TestRow {
  id: string;
  ts: Date;
  logprob?: number | null;
  version?: string;
  model?: string;
  source?: 'production' | 'probe' | 'eval';
  keptBecause?: string;
  probability?: number;
  user?: string;
}

/** Writes rows as the gateway does: to `samples` what was sampled, to `recent` the rest. */
export async function insertRows(db: Database, table: 'samples' | 'recent', rows: readonly TestRow[]): Promise<void> {
  const times = rows.map(({ ts }) => ts);
  await db.query(
    `select relearn.ensure_partition($1, hour) from (
       select distinct date_trunc('hour', t) as hour from unnest($2::timestamptz[]) t) hours`,
    [table, times],
  );
  const kept = table === 'samples' ? ', kept_because' : '';
  await db.query(
    `insert into relearn.${table} (request_id, ts, model, model_version, prompt, response, latency_ms, response_logprob,
       source, inclusion_probability, user_id_hash${kept})
     select id, ts, model, version, 'p ' || id, 'r', 1, logprob, source, probability, user_hash${kept === '' ? '' : ', kept'}
     from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::float8[],
       $8::text[], $9::text[]) as r (id, ts, model, version, logprob, source, probability, kept, user_hash)`,
    [
      rows.map(({ id }) => id),
      times,
      rows.map(({ model }) => model ?? 'mail'),
      rows.map(({ version }) => version ?? 'v1'),
      rows.map(({ logprob }) => (logprob === undefined ? -0.1 : logprob)),
      rows.map(({ source }) => source ?? 'production'),
      rows.map(({ probability }) => probability ?? (table === 'samples' ? 1 : 0.05)),
      rows.map(({ keptBecause }) => keptBecause ?? 'healthy'),
      rows.map(({ user }) => user ?? null),
    ],
  );
}

/** `count` rows, one each `stepMs` from `start` on, named `<name>-<n>`. */
export function rowsFrom(name: string, start: Date, count: number, stepMs: number, more: Partial<TestRow> = {}) {
  return Array.from({ length: count }, (_, n) => ({
    id: `${name}-${n}`,
    ts: new Date(start.getTime() + n * stepMs),
    ...more,
  }));
}
