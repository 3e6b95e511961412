import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import type { Database } from '../../src/database.ts';
import { RelearnError } from '../../src/errors.ts';
import { readJsonl } from '../../src/jsonl.ts';
import { exportLog, type LogFilter } from '../../src/log/export.ts';
import { importLog } from '../../src/log/import.ts';
import { logRecordSchema } from '../../src/log/record.ts';
import { openTarget } from './open-target.ts';
import { report, runWith } from './run-with.ts';

interface ExportOptions {
  model?: string;
  from?: string;
  to?: string;
  tag?: string;
  out?: string;
  gzip?: boolean;
}

interface ImportOptions {
  model: string;
  gzip?: boolean;
  json?: boolean;
}

/** `log export|import`: the kept log as JSONL, one request a line. */
export function addLogCommands(program: Command): void {
  const log = program.command('log').description('move the kept log in and out as JSONL');

  log
    .command('export')
    .description('write the kept rows, oldest first')
    .option('--model <name>', 'of this model only')
    .option('--from <time>', 'at this time (ISO 8601) and later')
    .option('--to <time>', 'before this time')
    .option('--tag <tag>', 'only those that carry this tag')
    .option('--out <file>', 'write to a file instead of standard output')
    .option('--gzip', 'compressed; so is a file whose name ends in .gz')
    .action((_: unknown, command: Command) =>
      runWith<ExportOptions>(command, async ({ db }, { model, from, to, tag, out, gzip }) => {
        const filter = { model, tag, from: readTime('--from', from), to: readTime('--to', to) };
        const lines = exportLines(db, filter);
        const target = await openTarget(out);
        const end = out !== undefined;
        if (isGzip(out, gzip)) await pipeline(lines, createGzip(), target, { end });
        else await pipeline(lines, target, { end });
      }),
    );

  log
    .command('import')
    .description('store the rows of another log, redacted; those that are there already stay as they are')
    .argument('<file>', 'JSONL of request_id, ts, model_version, prompt, response, latency_ms and what else is known')
    .requiredOption('--model <name>', 'the model that answered')
    .option('--gzip', 'the file is compressed, whatever its name ends in')
    .option('--json', 'report as JSON')
    .action((file: string, _: unknown, command: Command) =>
      runWith<ImportOptions>(command, async ({ config, db }, { model, gzip, json }) => {
        requireModel(Object.keys(config.models), model);
        const { retentionDays } = config.log;
        const records = readJsonl(file, logRecordSchema, { gzip: isGzip(file, gzip) });
        const keptSince = new Date(Date.now() - retentionDays * 86_400_000);
        const result = await importLog(db, model, records, keptSince);
        if (result.expiring > 0) {
          console.error(
            `${result.expiring} rows are older than log.retentionDays (${retentionDays}): the next retention takes them, ` +
              `but for those that are corrected. To keep them, raise it before you import.`,
          );
        }
        const known = result.read - result.imported;
        report(json, result, () => `${result.imported} rows imported, ${known} were there already.`);
      }),
    );
}

const isGzip = (file: string | undefined, asked: boolean | undefined) =>
  asked === true || file?.endsWith('.gz') === true;

async function* exportLines(db: Database, filter: LogFilter): AsyncGenerator<string> {
  for await (const record of exportLog(db, filter)) yield `${JSON.stringify(record)}\n`;
}

function readTime(option: string, value: string | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const time = new Date(value);
  if (!Number.isNaN(time.getTime())) return time;
  throw new RelearnError(
    'invalid_arguments',
    `${option} is no time. Wanted ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z.`,
  );
}

function requireModel(known: readonly string[], model: string): void {
  if (known.includes(model)) return;
  throw new RelearnError('model_not_found', `No model ${model} in the configuration. It has ${known.join(', ')}.`);
}
