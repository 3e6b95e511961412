import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { z } from 'zod';
import { errorMessage } from '../errors.ts';
import { parseLine } from '../jsonl.ts';

/** One line of an import: a correction, one that nobody has filled in yet, or what is wrong with it. */
export type ReadLine =
  | { line: number; empty: true }
  | { line: number; correction: { requestId: string; completion: string; operator: string | undefined } }
  | { line: number; problem: string };

export type CorrectionFormat = 'jsonl' | 'csv';

/** As `review export` writes it; what else stands in a line is passed over. An empty operator is none. */
const lineSchema = z.object({
  request_id: z.string().min(1),
  completion: z.string(),
  operator: z.string().optional(),
});

/**
 * Corrections of a stream of JSONL or CSV (comma, with a header), one a line. A wrong line is told by its number,
 * without its text, and the next ones are read on.
 */
export async function* readCorrections(input: Readable, format: CorrectionFormat): AsyncGenerator<ReadLine> {
  for await (const { line, read } of format === 'csv' ? readCsv(input) : readJsonLines(input)) {
    try {
      const { request_id: requestId, completion, operator } = read();
      if (completion.trim() === '') yield { line, empty: true };
      else yield { line, correction: { requestId, completion, operator: operator || undefined } };
    } catch (error) {
      yield { line, problem: errorMessage(error) };
    }
  }
}

interface UnreadLine {
  line: number;
  /** Throws what is wrong with it. */
  read: () => z.output<typeof lineSchema>;
}

async function* readJsonLines(input: Readable): AsyncGenerator<UnreadLine> {
  let line = 0;
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    line += 1;
    if (text.trim() === '') continue;
    yield { line, read: () => parseLine(text, lineSchema, 'row') };
  }
}

const csvRecord = z.object({ record: z.record(z.string(), z.string()), info: z.object({ lines: z.number() }) });

async function* readCsv(input: Readable): AsyncGenerator<UnreadLine> {
  const skipped: UnreadLine[] = [];
  const parser = parse({
    ...{ columns: true, info: true, bom: true, trim: false, skip_empty_lines: true },
    skip_records_with_error: true,
    on_skip: (error) => {
      const line = Number(error?.['lines'] ?? 0);
      const code = error?.code ?? 'CSV_INVALID';
      skipped.push({
        line,
        read: () => {
          throw new Error(`row: not CSV as the header has it (${code}). Wanted as many fields, quoted if need be.`);
        },
      });
    },
  });
  input.once('error', (error) => parser.destroy(error));
  for await (const given of input.pipe(parser)) {
    const { record, info } = csvRecord.parse(given);
    yield* skipped.splice(0);
    const line = info.lines;
    const fields = Object.fromEntries(Object.entries(record).map(([name, value]) => [name, withoutGuard(value)]));
    yield { line, read: () => parseLine(JSON.stringify(fields), lineSchema, 'row') };
  }
  yield* skipped;
}

/** A spreadsheet takes `=…` for a formula, so an export sets an apostrophe before it. */
function withoutGuard(value: string): string {
  return /^'[=+\-@\t\r]/.test(value) ? value.slice(1) : value;
}
