import type { Database } from '../../database.ts';
import { RelearnError } from '../../errors.ts';
import { storeCorrections, type StoredCorrection } from '../corrections.ts';
import { fillReviewQueue } from '../queue-fill.ts';
import { listPlaces, readReviewRows, type ReviewRow } from '../review-queue.ts';
import type { StrongerModel } from './ask.ts';
import { decideProposal, isWorthJudging, type Decision } from './decide.ts';

export interface RelabelOptions {
  model: string;
  labels: readonly string[] | null;
  maxPerHour: number;
  signal?: AbortSignal;
  /** Told what became a correction. */
  onStored?: (stored: readonly StoredCorrection[]) => Promise<void>;
}

export interface Relabelled {
  proposed: number;
  /** Proposals that became corrections. */
  verified: number;
  /** The code of the error that ended it early; null when the budget or the queue did. */
  stopped: string | null;
}

const rowsAtOnce = 4;

/**
 * Asks a stronger model about the first rows of the queue that it has not seen, within its budget. Each proposal is
 * stored when it is made, so that a run that is broken off goes on where it was. An endpoint that fails ends the run.
 */
export async function relabelQueue(
  db: Database,
  stronger: StrongerModel,
  { model, labels, maxPerHour, signal, onStored = () => Promise.resolve() }: RelabelOptions,
): Promise<Relabelled> {
  const total: Relabelled = { proposed: 0, verified: 0, stopped: null };
  const rows = await findRows(db, stronger.proposer, model, maxPerHour);
  for (let from = 0; from < rows.length && total.stopped === null; from += rowsAtOnce) {
    signal?.throwIfAborted();
    const batch = rows.slice(from, from + rowsAtOnce);
    const outcomes = await Promise.all(
      batch.map(async (row) => ({ row, outcome: await proposeOrStop(stronger, row, labels, signal) })),
    );
    for (const { row, outcome } of outcomes) {
      if (typeof outcome === 'string') {
        total.stopped = outcome;
        continue;
      }
      const stored = await storeProposal(db, stronger.proposer, row, outcome);
      await onStored(stored);
      total.proposed += 1;
      total.verified += stored.length;
    }
  }
  return total;
}

async function findRows(db: Database, proposer: string, model: string, maxPerHour: number): Promise<ReviewRow[]> {
  await fillReviewQueue(db, { models: [model] });
  const [used] = await db.query<{ lastHour: number; waiting: number }>(
    `select (select count(*) from relearn.proposals where model = $1 and at > now() - interval '1 hour') as "lastHour",
       (select count(*) from relearn.proposals p join relearn.review_queue q using (request_id)
        where p.model = $1 and p.proposer = $2) as waiting`,
    [model, proposer],
  );
  const budget = maxPerHour - (used?.lastHour ?? 0);
  if (budget <= 0) return [];
  const places = await listPlaces(db, { models: [model], limit: budget + (used?.waiting ?? 0), headsOnly: true });
  const fresh = await db.query<{ requestId: string }>(
    `select request_id as "requestId" from unnest($1::text[]) with ordinality as place (request_id, n)
     where not exists (select 1 from relearn.proposals p where p.request_id = place.request_id and p.proposer = $2)
     order by n limit $3`,
    [places.map(({ requestId }) => requestId), proposer, budget],
  );
  return readReviewRows(
    db,
    fresh.map(({ requestId }) => requestId),
  );
}

interface Proposal extends Decision {
  completion: string;
}

/** The code of the error when the endpoint fails; a row that it refuses is noted, so that it is asked once. */
async function proposeOrStop(
  stronger: StrongerModel,
  { prompt }: ReviewRow,
  labels: readonly string[] | null,
  signal: AbortSignal | undefined,
): Promise<Proposal | string> {
  try {
    const tries = await Promise.all([stronger.propose(prompt, signal), stronger.propose(prompt, signal)]);
    const [first, second] = tries;
    const asked = stronger.judge !== null && isWorthJudging({ first, second, labels });
    const judged = asked && stronger.judge !== null ? await stronger.judge(prompt, first, signal) : null;
    return { completion: first, ...decideProposal({ first, second, labels, judged }) };
  } catch (error) {
    if (!(error instanceof RelearnError)) throw error;
    if (error.code !== 'upstream_rejected') return error.code;
    return { completion: '', verified: false, agreed: false, judged: false, reason: 'the endpoint refused the row' };
  }
}

async function storeProposal(
  db: Database,
  proposer: string,
  { request_id: requestId, model }: ReviewRow,
  { completion, verified, agreed, judged, reason }: Proposal,
): Promise<StoredCorrection[]> {
  return db.transaction(async (tx) => {
    // A person who answered meanwhile has the last word.
    const [answered] = await tx.query(`select 1 from relearn.corrections where request_id = $1 and verified limit 1`, [
      requestId,
    ]);
    const stored =
      verified && answered === undefined
        ? await storeCorrections(tx, [
            { requestId, completion, operator: `stronger-model/${proposer}`, source: 'stronger_model' },
          ])
        : [];
    await tx.query(
      `insert into relearn.proposals (request_id, model, proposer, completion, agreed, judged, reason, correction_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (request_id, proposer) do nothing`,
      [requestId, model, proposer, completion, agreed, judged, reason, stored[0]?.id ?? null],
    );
    return stored.filter(({ status }) => status === 'stored');
  });
}
