/**
 * `npm run bench -- NAME [--data DIR] [--rows N] [--draw FILE] [--encoder] [--json]`: runs one benchmark and prints its figures, with `--json`
 * as one line of JSON after the table. docs/benchmarks.md says what each figure means.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { z } from 'zod';
import { errorMessage, RelearnError } from '../src/errors.ts';

/** Each is a file of this folder that exports `run(options: Options): Promise<Record<string, number>>`. */
const benchmarks = [
  'console',
  'console-review',
  'corrections',
  'drift',
  'gate',
  'gateway',
  'label-cost',
  'log-writer',
  'nothing-lost',
  'redact',
  'review-queue',
  'rollback',
  'serve',
  'tag-window',
  'train',
];

interface Options {
  data?: string;
  /** How much, where a benchmark scales. */
  rows?: number;
  /** Where a benchmark that has a picture draws it. */
  draw?: string;
  /** The part of `train` that takes minutes. */
  encoder?: boolean;
}

const benchmarkModule = z.object({
  run: z.custom<(options: Options) => Promise<unknown>>((value) => typeof value === 'function'),
});
const figuresSchema = z.record(z.string(), z.number());

const usage = `Usage: npm run bench -- NAME [--data DIR] [--rows N] [--draw FILE] [--encoder] [--json]\nBenchmarks: ${benchmarks.join(', ')}`;

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        ...{ data: { type: 'string' }, rows: { type: 'string' }, draw: { type: 'string' } },
        ...{ encoder: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
      },
    });
    const [name, ...more] = positionals;
    if (name !== undefined && more.length === 0 && benchmarks.includes(name)) return { name, ...values };
    throw new Error(name === undefined ? 'No benchmark is named.' : `There is no benchmark ${positionals.join(' ')}.`);
  } catch (error) {
    throw new RelearnError('invalid_arguments', `${errorMessage(error)}\n${usage}`);
  }
}

async function runBenchmark(): Promise<void> {
  const { name, json, rows, ...options } = readArguments();
  const benchmark = benchmarkModule.parse(await import(new URL(`./${name}.js`, import.meta.url).href));
  const figures = figuresSchema.parse(
    await benchmark.run({ ...options, ...(rows === undefined ? {} : { rows: Number(rows) }) }),
  );
  const table = new Table({ head: [name, ''], style: { head: [], border: [] }, colAligns: ['left', 'right'] });
  for (const [figure, value] of Object.entries(figures)) table.push([figure, readable(value)]);
  console.log(table.toString());
  if (json) console.log(JSON.stringify({ name, figures }));
}

function readable(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

try {
  await runBenchmark();
} catch (error) {
  const typedWrong = error instanceof RelearnError && error.code === 'invalid_arguments';
  console.error(typedWrong ? error.message : error);
  process.exitCode = typedWrong ? 2 : 1;
}
