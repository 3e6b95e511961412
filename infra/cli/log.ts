import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { DatabasePool } from '../../src/database.ts';
import { RelearnError } from '../../src/errors.ts';
import { readJsonl } from '../../src/jsonl.ts';
import { exportLog, type LogFilter } from '../../src/log/export.ts';
import { importLog } from '../../src/log/import.ts';
import { logRecordSchema } from '../../src/log/record.ts';
import { openRuntime } from '../runtime.ts';

interface ExportOptions {
  config?: string;
  model?: string;
  from?: string;
  to?: string;
  tag?: string;
  out?: string;
}

interface ImportOptions {
  config?: string;
  model: string;
  json?: boolean;
}

/** `relearn log export` and `relearn log import`: the kept log as JSONL, one request a line. */
export function addLogCommands(program: Command): void {
  const log = program.command('log').description('move the kept log in and out as JSONL');

  log
    .command('export')
    .description('write the kept rows, oldest first')
    .option('--config <file>', 'path of relearn.yaml')
    .option('--model <name>', 'rows of this model only')
    .option('--from <time>', 'rows at this time (ISO 8601) and later')
    .option('--to <time>', 'rows before this time')
    .option('--tag <tag>', 'rows that carry this tag')
    .option('--out <file>', 'write to a file instead of standard output')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ExportOptions>();
      const { model, tag } = options;
      const filter = { model, tag, from: readTime('--from', options.from), to: readTime('--to', options.to) };
      const runtime = await openRuntime({ config: options.config });
      try {
        await writeLog(runtime.db, filter, options.out);
      } finally {
        await runtime.close();
      }
    });

  log
    .command('import')
    .description('store rows of another log, redacted; those that are there already stay as they are')
    .argument('<file>', 'JSONL of request_id, ts, model_version, prompt, response, latency_ms and what else is known')
    .requiredOption('--model <name>', 'the model that answered them')
    .option('--config <file>', 'path of relearn.yaml')
    .option('--json', 'report as JSON')
    .action(async (file: string, _: unknown, command: Command) => {
      const { config, model, json } = command.optsWithGlobals<ImportOptions>();
      const runtime = await openRuntime({ config });
      try {
        requireModel(Object.keys(runtime.config.models), model);
        const result = await importLog(runtime.db, model, readJsonl(file, logRecordSchema));
        const known = result.read - result.imported;
        console.log(
          json === true ? JSON.stringify(result) : `${result.imported} rows imported, ${known} were there already.`,
        );
      } finally {
        await runtime.close();
      }
    });
}

async function writeLog(db: DatabasePool, filter: LogFilter, out: string | undefined): Promise<void> {
  const lines = exportLines(db, filter);
  if (out === undefined) await pipeline(lines, process.stdout, { end: false });
  else await pipeline(lines, createWriteStream(out));
}

async function* exportLines(db: DatabasePool, filter: LogFilter): AsyncGenerator<string> {
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
