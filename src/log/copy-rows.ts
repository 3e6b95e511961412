import type { Database } from '../database.ts';
import type { LogRow } from './row.ts';
import { inSlices } from './slices.ts';
import { storable } from './storable.ts';

const shared = `request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash, response_logprob,
  inclusion_probability, source, tools`;

/**
 * Stores rows by COPY, the fastest way into Postgres: those kept for a reason in `samples`, the others in `recent`.
 * Fails with SQLSTATE 23505 when one of them is there already.
 */
export async function copyRows(tx: Database, rows: readonly LogRow[]): Promise<void> {
  const kept = rows.filter((row) => row.keptBecause !== null);
  const unsampled = rows.filter((row) => row.keptBecause === null);
  if (kept.length > 0) await tx.copy(`copy relearn.samples (${shared}, kept_because) from stdin`, lines(kept));
  if (unsampled.length > 0) await tx.copy(`copy relearn.recent (${shared}) from stdin`, lines(unsampled));
}

function lines(rows: readonly LogRow[]): AsyncGenerator<string> {
  return inSlices(rows, (slice) => slice.map(line).join(''));
}

/** COPY's text format: tabs between, backslash escapes, `\N` for null. */
function line(row: LogRow): string {
  const { requestId, ts, model, modelVersion, prompt, response, latencyMs, userIdHash, responseLogprob, tools } = row;
  const words = `${escape(requestId)}\t${ts.toISOString()}\t${escape(model)}\t${escape(modelVersion)}`;
  const texts = `${escape(storable(prompt))}\t${escape(storable(response))}`;
  const facts = `${latencyMs}\t${userIdHash ?? '\\N'}\t${responseLogprob ?? '\\N'}\t${row.inclusionProbability}`;
  const kept = row.keptBecause === null ? '' : `\t${row.keptBecause}`;
  const offered = tools == null ? '\\N' : escape(tools);
  return `${words}\t${texts}\t${facts}\t${row.source}\t${offered}${kept}\n`;
}

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escape(text: string): string {
  return /[\\\n\r\t]/.test(text) ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? '') : text;
}
