import { promptMessages, promptText } from '../chat.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { ensurePartitions, insertRows } from './insert-rows.ts';
import { redactMessage, type RedactText } from './redact-message.ts';
import { redactText, redactToStore } from './redact/index.ts';
import type { LogRecord } from './record.ts';

export interface ImportResult {
  read: number;
  /** Rows that were not there before. */
  imported: number;
  /** Of those read, from before the retention: they go with the next one, unless they are corrected. */
  expiring: number;
}

const batchRows = 500;

/**
 * Stores records of another log as samples of `model`, redacted, all with probability 1. A request id that is there
 * already stays as it is, so an import may be run again. Holds one batch of rows in memory; where the records end in an
 * error, the batches before it are stored and the error says so. `keptSince`: where the retention ends today.
 */
export async function importLog(
  db: Database,
  model: string,
  records: AsyncIterable<LogRecord>,
  keptSince = new Date(0),
): Promise<ImportResult> {
  const result: ImportResult = { read: 0, imported: 0, expiring: 0 };
  const batch = new Map<string, LogRecord>();
  const storeBatch = async (): Promise<void> => {
    const records = [...batch.values()].map((record) => redactToStore((redact) => redactRecord(record, redact)));
    result.imported += await importBatch(db, model, await Promise.all(records));
    batch.clear();
  };
  try {
    for await (const record of records) {
      result.read += 1;
      if (new Date(record.ts) < keptSince) result.expiring += 1;
      if (!batch.has(record.request_id)) batch.set(record.request_id, record);
      if (batch.size === batchRows) await storeBatch();
    }
  } catch (error) {
    throw withProgress(error, result.imported);
  }
  if (batch.size > 0) await storeBatch();
  return result;
}

function withProgress(error: unknown, imported: number): unknown {
  if (!(error instanceof RelearnError) || error.code !== 'invalid_rows') return error;
  const stored = `${imported} rows before it were imported and stay as they are when it is run again.`;
  return new RelearnError(error.code, `${error.message} ${stored}`, { cause: error });
}

function redactRecord(record: LogRecord, redact: RedactText): LogRecord {
  return {
    ...record,
    prompt: promptText(promptMessages(record.prompt).map((message) => redactMessage(message, redact))),
    response: redact(record.response),
    tags: record.tags.map((tag) => redactText(tag).text),
  };
}

async function importBatch(db: Database, model: string, records: readonly LogRecord[]): Promise<number> {
  await ensurePartitions(
    db,
    records.map(({ ts }) => ({ parent: 'samples', at: new Date(ts) })),
  );
  return db.transaction(async (tx) => {
    // Two imports at once could store one request id under two times.
    await tx.query(`select pg_advisory_xact_lock(hashtext('relearn.log import'))`);
    const known = await knownIds(
      tx,
      records.map((record) => record.request_id),
    );
    const fresh = records.filter((record) => !known.has(record.request_id));
    await insertRows(
      tx,
      fresh.map((record) => ({
        requestId: record.request_id,
        ts: new Date(record.ts),
        model,
        modelVersion: record.model_version,
        prompt: record.prompt,
        response: record.response,
        latencyMs: record.latency_ms,
        userIdHash: record.user_id_hash,
        responseLogprob: record.response_logprob,
        source: 'production',
        keptBecause: record.tags.length > 0 ? 'flagged' : 'healthy',
        inclusionProbability: 1,
        incident: null,
      })),
    );
    await insertTags(tx, model, fresh);
    return fresh.length;
  });
}

async function knownIds(db: Database, requestIds: readonly string[]): Promise<Set<string>> {
  const rows = await db.query<{ request_id: string }>(
    `select request_id from relearn.samples where request_id = any($1)
     union
     select request_id from relearn.recent where request_id = any($1)`,
    [requestIds],
  );
  return new Set(rows.map((row) => row.request_id));
}

async function insertTags(db: Database, model: string, records: readonly LogRecord[]): Promise<void> {
  const tags = records.flatMap((record) => record.tags.map((tag) => ({ requestId: record.request_id, tag })));
  await db.query(
    `insert into relearn.tags (request_id, tag, model, source)
     select request_id, tag, $3, 'operator' from unnest($1::text[], $2::text[]) as tagged (request_id, tag)
     on conflict do nothing`,
    [tags.map(({ requestId }) => requestId), tags.map(({ tag }) => tag), model],
  );
}
