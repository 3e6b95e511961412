import { createHash } from 'node:crypto';
import { sqlState, type Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import { pinRows } from '../log/rows.ts';

export type CorrectionSource = 'signal' | 'update' | 'api' | 'cli' | 'feedback' | 'label_studio' | 'stronger_model';

/** What the model should have said, as a person or a tool gives it. */
export interface Correction {
  requestId: string;
  completion: string;
  operator: string;
  source: CorrectionSource;
  /** Name of the API key it came with. */
  key?: string | null;
}

export type CorrectionStatus = 'stored' | 'repeated' | 'unknown_request' | 'invalid';

export interface StoredCorrection {
  requestId: string;
  /** Hash of request id, operator and redacted completion. */
  id: string;
  status: CorrectionStatus;
  /** The model of the row; null when the row is unknown. */
  model: string | null;
}

export interface StoreOptions {
  /** Of a step that runs again: when it was first asked for. What is there since then it stored itself, and is `stored`. */
  since?: Date | undefined;
}

const longestCompletion = 100_000;

/**
 * Stores corrections of production rows, redacted, each once: the same said again by the same operator is `repeated`. An
 * operator who goes back to what they had said before is `stored`: it becomes the last correction of the row again.
 * A row that was only in `recent` is brought into `samples`; a row without a tag is tagged `operator_review`, so that
 * what a person corrects is learned. What an end user corrects in feedback waits, unverified, for a reviewer.
 * Answers one result per correction, in order. Throws `redactor_unavailable` and has stored none.
 */
export async function storeCorrections(
  db: Database,
  corrections: readonly Correction[],
  { since }: StoreOptions = {},
): Promise<StoredCorrection[]> {
  const prepared = await Promise.all(corrections.map(prepareCorrection));
  const wanted = prepared.filter((correction) => correction.completion !== null);
  if (wanted.length === 0) return prepared.map(describeInvalid);

  return withoutDeadlock(db, async (tx) => {
    const requestIds = [...new Set(wanted.map((correction) => correction.requestId))];
    // Who reviews has seen rows that were sampled: those still stand for others in the rates.
    await pinRows(tx, requestIds, 'correction', { chosenFrom: 'samples' });
    const known = await findModels(tx, requestIds);
    const stored = [...(await insertCorrections(tx, wanted)), ...(await restateCorrections(tx, wanted))];
    const reviewed = wanted.filter(({ source }) => source !== 'feedback').map(({ requestId }) => requestId);
    await tagUntagged(tx, reviewed);
    const fresh = new Set(since === undefined ? stored : await storedSince(tx, wanted, since));
    return prepared.map((correction) => {
      const model = known.get(correction.requestId) ?? null;
      if (correction.completion === null) return describeInvalid(correction);
      const status = model === null ? 'unknown_request' : fresh.delete(correction.id) ? 'stored' : 'repeated';
      return { requestId: correction.requestId, id: correction.id, status, model };
    });
  });
}

/** Two writers of the same corrections in another order can wait for each other; Postgres then ends one of them. */
async function withoutDeadlock<Result>(db: Database, work: (tx: Database) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (attempt === 20 || sqlState(error) !== '40P01') throw error;
    }
  }
}

interface Prepared {
  id: string;
  requestId: string;
  /** Redacted; null when it cannot be stored. */
  completion: string | null;
  operator: string;
  source: CorrectionSource;
  key: string | null;
}

async function prepareCorrection(correction: Correction): Promise<Prepared> {
  const { requestId, completion, operator, source, key = null } = correction;
  const given = completion.replaceAll('\u0000', '').toWellFormed().trim();
  const named = operator !== '' && !/\p{Cc}/u.test(`${requestId}${operator}`);
  const usable = named && given !== '' && given.length <= longestCompletion;
  const redacted = usable ? await redactOrNull(given) : null;
  const id = createHash('sha256')
    .update(JSON.stringify([requestId, operator, redacted]))
    .digest('hex')
    .slice(0, 32);
  return { id, requestId, completion: redacted, operator, source, key };
}

/** Fails closed: what cannot be redacted is not stored. Throws `redactor_unavailable`: it may be stored later. */
async function redactOrNull(text: string): Promise<string | null> {
  try {
    return await redactToStore((redact) => redact(text));
  } catch (error) {
    if (error instanceof RelearnError) throw error;
    return null;
  }
}

function describeInvalid({ requestId, id }: Prepared): StoredCorrection {
  return { requestId, id, status: 'invalid', model: null };
}

async function findModels(db: Database, requestIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.query<{ request_id: string; model: string }>(
    `select request_id, model from relearn.samples where request_id = any($1) and source = 'production'`,
    [requestIds],
  );
  return new Map(rows.map((row) => [row.request_id, row.model]));
}

async function insertCorrections(db: Database, corrections: readonly Prepared[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `insert into relearn.corrections
       (id, request_id, model, completion, operator, source, recorded_by, verified, equals_response)
     select given.id, given.request_id, s.model, given.completion, given.operator, given.source, given.key,
       given.source <> 'feedback', given.completion = btrim(s.response)
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
       with ordinality as given (id, request_id, completion, operator, source, key, place)
     join relearn.samples s on s.request_id = given.request_id and s.source = 'production'
     order by given.place
     on conflict (id) do nothing
     returning id`,
    [
      corrections.map((correction) => correction.id),
      corrections.map((correction) => correction.requestId),
      corrections.map((correction) => correction.completion),
      corrections.map((correction) => correction.operator),
      corrections.map((correction) => correction.source),
      corrections.map((correction) => correction.key),
    ],
  );
  return rows.map((row) => row.id);
}

/**
 * Of each operator and row the last correction given counts, also when it was said before something else, or taken back: it
 * moves behind what followed it. A statement of its own, so that it sees what `insertCorrections` stored: done twice it moves nothing.
 */
async function restateCorrections(db: Database, corrections: readonly Prepared[]): Promise<string[]> {
  const last = new Map(corrections.map(({ id, requestId, operator }) => [JSON.stringify([requestId, operator]), id]));
  const rows = await db.query<{ id: string }>(
    `update relearn.corrections c
     set seq = default, restated_at = now(), verified = source <> 'feedback', withdrawn_at = null
     where id = any($1) and (withdrawn_at is not null or exists (
       select from relearn.corrections later
       where later.request_id = c.request_id and later.operator = c.operator and later.seq > c.seq))
     returning id`,
    [[...last.values()]],
  );
  return rows.map((row) => row.id);
}

async function storedSince(db: Database, corrections: readonly Prepared[], since: Date): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from relearn.corrections where id = any($1) and coalesce(restated_at, created_at) >= $2`,
    [corrections.map(({ id }) => id), since],
  );
  return rows.map((row) => row.id);
}

async function tagUntagged(db: Database, requestIds: readonly string[]): Promise<void> {
  await db.query(
    `insert into relearn.tags (request_id, tag, model, source)
     select s.request_id, 'operator_review', s.model, 'operator'
     from relearn.samples s
     where s.request_id = any($1) and s.source = 'production'
       and not exists (select from relearn.tags t where t.request_id = s.request_id)
     on conflict do nothing`,
    [requestIds],
  );
}
