import { InvalidArgumentError, Option, type Command } from 'commander';
import { whyNotStored, type ImportOutcome } from '../../src/correct/import-corrections.ts';
import { fillReviewQueue } from '../../src/correct/queue-fill.ts';
import type { CorrectionFormat } from '../../src/correct/read-corrections.ts';
import { listReviewQueue, type ReviewFilter, type ReviewRow } from '../../src/correct/review-queue.ts';
import { modelSettings } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { addLabelStudioCommands } from './label-studio.ts';
import { exportReview, formatOf, importReview, storeAndTell, withTelling } from './review-files.ts';
import { report, runWith } from './run-with.ts';
import { actor } from './versions.ts';

interface QueueOptions {
  model?: string;
  incident?: string;
  tag?: string;
  limit: number;
  json?: boolean;
}

interface ExportOptions extends QueueOptions {
  corrected?: boolean;
  format?: CorrectionFormat;
  out?: string;
}

interface ImportOptions {
  operator?: string;
  format?: CorrectionFormat;
  json?: boolean;
}

const formats: readonly CorrectionFormat[] = ['jsonl', 'csv'];

/** `review list|correct|import|export`: the queue of rows that wait for a correction, from the command line. */
export function addReviewCommands(program: Command): void {
  const review = program.command('review').description('correct what the model got wrong');

  review
    .command('list')
    .description('show the rows that wait for a correction, the most pressing first')
    .option('--model <name>', 'of this model only')
    .option('--incident <id>', 'of this incident only')
    .option('--tag <tag>', 'only rows that carry this tag')
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
    .description('write the queue, for another tool to fill in `completion`, or what is corrected')
    .option('--model <name>', 'of this model only')
    .option('--incident <id>', 'of this incident only')
    .option('--tag <tag>', 'only rows that carry this tag')
    .option('--corrected', 'corrected rows with their last correction, and whether people disagree')
    .addOption(new Option('--format <format>', 'left out: by the name of the file, else jsonl').choices(formats))
    .option('--out <file>', 'write to a file instead of standard output')
    .action((_: unknown, command: Command) =>
      runWith<ExportOptions>(command, async (runtime, { corrected = false, format, out, ...options }) =>
        exportReview(runtime.db, await fillFor(runtime, options), { corrected, format: formatOf(format, out), out }),
      ),
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
        const given = { requestId, completion, operator, source: 'cli' as const };
        const [stored] = await withTelling(runtime, (tell) => storeAndTell(runtime.db, [given], tell));
        const reason = whyNotStored[stored?.status ?? 'invalid'];
        report(json, stored, () => `${requestId}: ${stored?.status ?? 'invalid'}${reason ? `, ${reason}` : ''}`);
        if (stored?.status === 'unknown_request' || stored?.status === 'invalid') process.exitCode = 1;
      }),
    );

  review
    .command('import')
    .description('store corrections from JSONL or CSV: request_id, completion and, if there, operator')
    .argument('<file>', 'what `review export` wrote and someone filled in; lines without a completion are passed over')
    .option('--operator <name>', 'for lines that name none (default: the user of this shell)')
    .addOption(new Option('--format <format>', 'left out: by the name of the file, else jsonl').choices(formats))
    .option('--json', 'report as JSON')
    .action((file: string, _: unknown, command: Command) =>
      runWith<ImportOptions>(command, async (runtime, { operator = actor(), format, json }) => {
        const outcome = await importReview(runtime, file, { operator, format: formatOf(format, file) });
        report(json, outcome, () => describeImport(outcome));
        if (outcome.unknown_request + outcome.invalid > 0) process.exitCode = 1;
      }),
    );

  addLabelStudioCommands(review);
}

function describeImport({ problems, ...counts }: ImportOutcome): string {
  const summary = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  return [summary.join(', '), ...problems.map(({ line, reason }) => `  line ${line}: ${reason}`)].join('\n');
}

/** Brings the queue up to date. Throws `model_not_found`. */
async function fillFor(runtime: Runtime, { model, incident, tag }: Partial<QueueOptions>): Promise<ReviewFilter> {
  if (model !== undefined) modelSettings(runtime, model);
  const models = model === undefined ? Object.keys(runtime.config.models) : [model];
  await fillReviewQueue(runtime.db, { models });
  return { models, incident, tag };
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
