import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { storeCorrections, type Correction, type StoredCorrection } from '../../src/correct/corrections.ts';
import { fillReviewQueue } from '../../src/correct/queue-fill.ts';
import {
  listPlaces,
  listReviewQueue,
  readReviewRows,
  type ReviewFilter,
  type ReviewRow,
} from '../../src/correct/review-queue.ts';
import type { Database } from '../../src/database.ts';
import { tellIncidents } from '../../src/correct/tell-incidents.ts';
import { readJsonl } from '../../src/jsonl.ts';
import { modelSettings } from '../deploy.ts';
import { openReviewSignals } from '../review-signals.ts';
import type { Runtime } from '../runtime.ts';
import { addLabelStudioCommands } from './label-studio.ts';
import { report, runWith } from './run-with.ts';
import { actor } from './versions.ts';

interface QueueOptions {
  model?: string;
  incident?: string;
  tag?: string;
  limit: number;
  out?: string;
  json?: boolean;
}

const batchRows = 500;
const correctionLine = z.object({
  request_id: z.string().min(1),
  completion: z.string(),
  operator: z.string().min(1).optional(),
});

/** `review list|correct|import|export`: the queue of rows that wait for a correction, from the command line. */
export function addReviewCommands(program: Command): void {
  const review = program.command('review').description('correct what the model got wrong');

  review
    .command('list')
    .description('show the rows that wait for a correction, the most pressing first')
    .option('--model <name>', 'of this model only')
    .option('--incident <id>', 'of this incident only')
    .option('--tag <tag>', 'with this tag only')
    .option('--limit <number>', 'at most so many rows', readLimit, 20)
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      runWith<QueueOptions>(command, async (runtime, { limit, json, ...options }) => {
        const filter = await fillFor(runtime, options);
        const rows = await listReviewQueue(runtime.db, { ...filter, limit, offset: 0 });
        report(json, rows, () => rows.map(describeRow).join('\n') || 'No row waits for a correction.');
      }),
    );

  review
    .command('export')
    .description('write the queue as JSONL, for another tool to fill in `completion`')
    .option('--model <name>', 'of this model only')
    .option('--incident <id>', 'of this incident only')
    .option('--tag <tag>', 'with this tag only')
    .option('--out <file>', 'write to a file instead of standard output')
    .action((_: unknown, command: Command) =>
      runWith<QueueOptions>(command, async (runtime, options) => {
        const out = options.out === undefined ? process.stdout : createWriteStream(options.out);
        await exportQueue(runtime.db, await fillFor(runtime, options), async (line) => {
          if (!out.write(line)) await once(out, 'drain');
        });
        if (out !== process.stdout) await finished(out.end());
      }),
    );

  review
    .command('correct')
    .description('say what the model should have answered to one request')
    .argument('<request-id>', 'as in the review queue')
    .argument('<completion>', 'the right answer; the same as the response when the model was right')
    .option('--operator <name>', 'who says so (default: the user of this shell)')
    .option('--json', 'report as JSON')
    .action((requestId: string, completion: string, _: unknown, command: Command) =>
      runWith<{ operator?: string; json?: boolean }>(command, async (runtime, { operator = actor(), json }) => {
        const [stored] = await storeAndTell(runtime, [{ requestId, completion, operator, source: 'cli' }]);
        report(json, stored, () => `${requestId}: ${stored?.status ?? 'invalid'}`);
        if (stored?.status === 'unknown_request' || stored?.status === 'invalid') process.exitCode = 1;
      }),
    );

  review
    .command('import')
    .description('store corrections from JSONL {"request_id","completion","operator"?}; what is there already stays')
    .argument('<file>', 'the JSONL file')
    .option('--operator <name>', 'for lines that name none (default: the user of this shell)')
    .option('--json', 'report as JSON')
    .action((file: string, _: unknown, command: Command) =>
      runWith<{ operator?: string; json?: boolean }>(command, async (runtime, { operator = actor(), json }) => {
        const counts = await importCorrections(runtime, file, operator);
        report(json, counts, () =>
          Object.entries(counts)
            .map(([status, count]) => `${count} ${status}`)
            .join(', '),
        );
      }),
    );

  addLabelStudioCommands(review);
}

async function importCorrections(runtime: Runtime, file: string, operator: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = { stored: 0, repeated: 0, unknown_request: 0, invalid: 0 };
  let batch: Correction[] = [];
  const storeBatch = async () => {
    for (const { status } of await storeAndTell(runtime, batch)) counts[status] = (counts[status] ?? 0) + 1;
    batch = [];
  };
  for await (const line of readJsonl(file, correctionLine)) {
    batch.push({
      ...{ requestId: line.request_id, completion: line.completion },
      operator: line.operator ?? operator,
      source: 'cli',
    });
    if (batch.length === batchRows) await storeBatch();
  }
  if (batch.length > 0) await storeBatch();
  return counts;
}

async function storeAndTell(runtime: Runtime, corrections: readonly Correction[]): Promise<StoredCorrection[]> {
  const stored = await storeCorrections(runtime.db, corrections);
  const signals = openReviewSignals(runtime);
  try {
    await tellIncidents(runtime.db, signals, stored);
  } finally {
    await signals.close();
  }
  return stored;
}

/** Brings the queue up to date. Throws `model_not_found`. */
async function fillFor(runtime: Runtime, { model, incident, tag }: Partial<QueueOptions>): Promise<ReviewFilter> {
  if (model !== undefined) modelSettings(runtime, model);
  const models = model === undefined ? Object.keys(runtime.config.models) : [model];
  await fillReviewQueue(runtime.db, { models });
  return { models, incident, tag };
}

/** The order is read once: what is corrected meanwhile neither hides another row nor shows one twice. */
async function exportQueue(db: Database, filter: ReviewFilter, write: (line: string) => Promise<void>): Promise<void> {
  const places = await listPlaces(db, { ...filter, limit: Number.MAX_SAFE_INTEGER });
  for (let from = 0; from < places.length; from += batchRows) {
    const rows = await readReviewRows(
      db,
      places.slice(from, from + batchRows).map(({ requestId }) => requestId),
    );
    for (const row of rows) await write(`${JSON.stringify({ ...row, completion: '' })}\n`);
  }
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new InvalidArgumentError('wanted a whole number above 0');
}

function describeRow({ request_id, prompt, response, tags }: ReviewRow): string {
  const short = (text: string) => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return `${request_id}  [${tags.join(', ')}]\n  asked:    ${short(prompt)}\n  answered: ${short(response)}`;
}
