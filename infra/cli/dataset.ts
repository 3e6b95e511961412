import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { exportDataset } from '../../src/convert/dataset.ts';
import { readDatasetParts } from '../../src/convert/parts.ts';
import { lastCorrection } from '../../src/convert/rows.ts';
import { modelSettings } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';

interface BuildOptions {
  model: string;
  output?: string;
  json?: boolean;
}

/** `dataset build`: what the next retrain would learn from, as files. */
export function addDatasetCommands(program: Command): void {
  program
    .command('dataset')
    .description('datasets made of corrected rows')
    .command('build')
    .description('build what a retrain would learn from now, without a retrain, and print its manifest')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .option('--output <dir>', 'keep its files, in a folder of their own below this one')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<BuildOptions>(command, build));
}

async function build(runtime: Runtime, { model, output, json }: BuildOptions): Promise<void> {
  const { db } = runtime;
  const parts = await readDatasetParts(modelSettings(runtime, model));
  const directory = output ?? (await mkdtemp(join(tmpdir(), 'relearn-dataset-')));
  try {
    const { id, path, manifest } = await exportDataset(db, {
      ...{ model, run: 0, triggers: ['manual'], directory, ...parts },
      ...{ cutoffSeq: await lastCorrection(db, model), taggedBefore: new Date() },
    });
    const kept = output === undefined ? {} : { path };
    report(json, { id, ...kept, manifest }, () =>
      [`dataset ${id}${output === undefined ? '' : ` in ${path}`}`, JSON.stringify(manifest, null, 2)].join('\n'),
    );
  } finally {
    if (output === undefined) await rm(directory, { recursive: true, force: true });
  }
}
