import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';
import { recordAudit } from '../../src/audit.ts';
import { listCorrectedRows } from '../../src/correct/corrected-rows.ts';
import { importCorrections, type ImportOutcome } from '../../src/correct/import-corrections.ts';
import { readCorrections, type CorrectionFormat } from '../../src/correct/read-corrections.ts';
import { listPlaces, readReviewRows, type ReviewFilter } from '../../src/correct/review-queue.ts';
import { storeCorrections, type Correction, type StoredCorrection } from '../../src/correct/corrections.ts';
import { tellIncidents } from '../../src/correct/tell-incidents.ts';
import type { Database } from '../../src/database.ts';
import { errorMessage, RelearnError } from '../../src/errors.ts';
import { openReviewSignals } from '../review-signals.ts';
import type { Runtime } from '../runtime.ts';
import { openTarget } from './open-target.ts';

const pageRows = 500;

/** The format asked for, or that of the file's name; JSONL when neither says. */
export function formatOf(asked: CorrectionFormat | undefined, file: string | undefined): CorrectionFormat {
  return asked ?? (file?.toLowerCase().endsWith('.csv') === true ? 'csv' : 'jsonl');
}

/** Writes the queue with an empty `completion`, or what is corrected, to a file or standard output. */
export async function exportReview(
  db: Database,
  filter: ReviewFilter,
  options: { corrected: boolean; format: CorrectionFormat; out: string | undefined },
): Promise<void> {
  const target = await openTarget(options.out);
  const end = options.out !== undefined;
  await db.transaction(async (tx) => {
    // Pages of one snapshot: what is corrected meanwhile neither hides a row nor shows one twice.
    await tx.query('set transaction isolation level repeatable read, read only');
    const rows = Readable.from(options.corrected ? correctedRows(tx, filter) : queuedRows(tx, filter));
    // A spreadsheet would take a text that begins with = for a formula: it gets an apostrophe, which import takes off.
    if (options.format === 'csv')
      await pipeline(rows, stringify({ header: true, escape_formulas: true }), target, { end });
    else await pipeline(rows, jsonLines, target, { end });
  });
}

async function* queuedRows(db: Database, filter: ReviewFilter) {
  const places = await listPlaces(db, { ...filter, limit: Number.MAX_SAFE_INTEGER });
  for (let from = 0; from < places.length; from += pageRows) {
    const page = places.slice(from, from + pageRows).map(({ requestId }) => requestId);
    for (const row of await readReviewRows(db, page)) {
      yield asRecord({ ...row, completion: '', operator: '', disagreement: false });
    }
  }
}

async function* correctedRows(db: Database, filter: ReviewFilter) {
  for (let afterSeq = 0; ;) {
    const rows = await listCorrectedRows(db, { ...filter, limit: pageRows, afterSeq });
    for (const { row } of rows) yield asRecord(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    afterSeq = last.seq;
  }
}

/** As JSON has it, lists and times too, so that CSV says the same. */
function asRecord(row: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Date ? value.toISOString() : (value as unknown),
    ]),
  );
}

async function* jsonLines(rows: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}

/** Stores the corrections of a file. Throws `invalid_rows` when it cannot be read. */
export async function importReview(
  runtime: Runtime,
  file: string,
  { operator, format }: { operator: string; format: CorrectionFormat },
): Promise<ImportOutcome> {
  const handle = await open(file).catch((error: unknown) => {
    throw new RelearnError('invalid_rows', `Cannot read ${file}: ${errorMessage(error)}. Wanted a JSONL or CSV file.`);
  });
  try {
    const outcome = await withTelling(runtime, (tell) =>
      importCorrections(readCorrections(handle.createReadStream(), format), {
        ...{ operator, source: 'cli' },
        store: (corrections) => storeAndTell(runtime.db, corrections, tell),
      }),
    );
    const { stored, repeated, unknown_request, invalid, empty } = outcome;
    const details = { stored, repeated, unknown_request, invalid, empty };
    const actor = { name: operator, key: null };
    await recordAudit(runtime.db, { actor, action: 'correct_in_bulk', details });
    return outcome;
  } finally {
    await handle.close();
  }
}

export type TellIncidents = (stored: readonly StoredCorrection[]) => Promise<void>;

export async function storeAndTell(
  db: Database,
  corrections: readonly Correction[],
  tell: TellIncidents,
): Promise<StoredCorrection[]> {
  const stored = await storeCorrections(db, corrections);
  await tell(stored);
  return stored;
}

/**
 * Gives `work` a way to tell the open incidents of what it stored. While Temporal is away what is stored stays so, and a
 * person is warned on stderr.
 */
export async function withTelling<Result>(
  runtime: Runtime,
  work: (tell: TellIncidents) => Promise<Result>,
): Promise<Result> {
  const signals = openReviewSignals(runtime);
  let isAway = false;
  try {
    return await work(async (stored) => {
      if (isAway) return; // each attempt takes its time, and one said so already
      try {
        await tellIncidents(runtime.db, signals, stored);
      } catch (error) {
        isAway = true;
        console.error(`warning: ${untold} (${errorMessage(error)})`);
      }
    });
  } finally {
    await signals.close();
  }
}

const untold =
  'Corrections are stored, but driftResponse could not be told. Is Temporal running? The same once more, later, tells them.';
