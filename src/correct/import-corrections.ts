import type { Correction, CorrectionSource, CorrectionStatus, StoredCorrection } from './corrections.ts';
import type { ReadLine } from './read-corrections.ts';

export interface ImportOutcome {
  stored: number;
  repeated: number;
  unknown_request: number;
  invalid: number;
  /** Rows of an export that nobody has filled in yet. */
  empty: number;
  /** The first wrong lines and why; `invalid` and `unknown_request` count all of them. */
  problems: { line: number; reason: string }[];
}

export interface ImportOptions {
  /** For lines that name none. */
  operator: string | undefined;
  source: CorrectionSource;
  key?: string | null;
  /** Stores a batch, and tells the open incidents. */
  store: (corrections: readonly Correction[]) => Promise<readonly StoredCorrection[]>;
}

const batchRows = 500;
const shownProblems = 1000;

/** Why a correction was not stored, or undefined when it was. */
export const whyNotStored: Record<CorrectionStatus, string | undefined> = {
  stored: undefined,
  repeated: 'this operator said the same before',
  unknown_request: 'no production row has this request id, or it was not kept',
  invalid: 'the completion is empty, longer than 100,000 characters, or could not be redacted',
};

/** Stores the corrections of an import, batch by batch. Wrong lines are counted and told; the others are stored. */
export async function importCorrections(
  lines: AsyncIterable<ReadLine>,
  options: ImportOptions,
): Promise<ImportOutcome> {
  const outcome: ImportOutcome = { stored: 0, repeated: 0, unknown_request: 0, invalid: 0, empty: 0, problems: [] };
  let batch: { line: number; correction: Correction }[] = [];

  function note(line: number, status: CorrectionStatus, reason = whyNotStored[status] ?? ''): void {
    outcome[status] += 1;
    const wrong = status === 'unknown_request' || status === 'invalid';
    if (wrong && outcome.problems.length < shownProblems) outcome.problems.push({ line, reason });
  }
  async function storeBatch(): Promise<void> {
    const given = batch;
    batch = [];
    const stored = await options.store(given.map(({ correction }) => correction));
    for (const [place, { line }] of given.entries()) note(line, stored[place]?.status ?? 'invalid');
  }

  for await (const read of lines) {
    if ('empty' in read) outcome.empty += 1;
    else if ('problem' in read) note(read.line, 'invalid', read.problem);
    else {
      const operator = read.correction.operator ?? options.operator;
      const { source, key = null } = options;
      if (operator === undefined) note(read.line, 'invalid', 'operator: wanted one, here or for the whole import');
      else batch.push({ line: read.line, correction: { ...read.correction, operator, source, key } });
    }
    if (batch.length === batchRows) await storeBatch();
  }
  if (batch.length > 0) await storeBatch();
  outcome.problems.sort((a, b) => a.line - b.line);
  return outcome;
}
