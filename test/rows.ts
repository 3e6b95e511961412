import { randomUUID } from 'node:crypto';
import type { Database } from '../src/database.ts';

/** A production row as the log writer leaves it, in `samples` or `recent`. Every field may be set. */
export interface TestRow {
  requestId: string;
  ts: Date;
  model: string;
  prompt: string;
  response: string;
  source: string;
  table: 'samples' | 'recent';
}

/** Writes one row straight into the database and returns its request id. */
export async function insertRow(db: Database, row: Partial<TestRow> = {}): Promise<string> {
  const { requestId = `req-${randomUUID()}`, ts = new Date(), model = 'm', table = 'samples' } = row;
  const { prompt = 'a prompt', response = 'a response', source = 'production' } = row;
  await db.query(`select relearn.ensure_partition($1, $2)`, [table, ts]);
  const because = table === 'samples' ? [', kept_because', `, 'healthy'`] : ['', ''];
  await db.query(
    `insert into relearn.${table} (request_id, ts, model, model_version, prompt, response, latency_ms,
       response_logprob, inclusion_probability, source${because[0] ?? ''})
     values ($1, $2, $3, 'v1', $4, $5, 1, -0.1, 0.05, $6${because[1] ?? ''})`,
    [requestId, ts, model, prompt, response, source],
  );
  return requestId;
}
