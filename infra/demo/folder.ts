import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RelearnError } from '../../src/errors.ts';
import { readExamples, readJsonl } from '../../src/jsonl.ts';
import type { DemoStory, TrafficRow } from './story.ts';

const files = {
  base: 'base-train.jsonl',
  gold: 'gold.jsonl',
  pack: 'eval.jsonl',
  healthy: 'traffic-healthy.jsonl',
  drifted: 'traffic-drifted.jsonl',
  after: 'eval-after.jsonl',
};

const trafficRow = z.object({ prompt: z.string().min(1), truth: z.string().min(1) });

/** The corrected rows that trigger the retrain. */
const minCorrected = 500;

/**
 * Reads a folder of one's own: base-train.jsonl, gold.jsonl, eval.jsonl and eval-after.jsonl of {"prompt","completion"},
 * traffic-healthy.jsonl and traffic-drifted.jsonl of {"prompt","truth"}. Quality is measured on eval-after: all of it,
 * the completions that the base set has (`known`), and the others (`new`). Throws `invalid_arguments` for a missing
 * file, and `invalid_rows` with file and line for a broken one.
 */
export async function readFolderStory(directory: string): Promise<DemoStory> {
  await checkFiles(directory);
  const path = (name: keyof typeof files) => join(directory, files[name]);
  const base = await readExamples(path('base'));
  await readExamples(path('gold'));
  await readExamples(path('pack'));
  const after = await readExamples(path('after'));
  const known = new Set(base.map(({ completion }) => completion));
  const groups = [
    { name: 'all', rows: after },
    { name: 'known', rows: after.filter(({ completion }) => known.has(completion)) },
    { name: 'new', rows: after.filter(({ completion }) => !known.has(completion)) },
  ];
  return {
    model: 'demo',
    base: path('base'),
    gold: path('gold'),
    pack: path('pack'),
    healthy: await readTraffic(path('healthy')),
    drifted: await readTraffic(path('drifted')),
    groups: groups.filter(({ rows }) => rows.length > 0),
    minCorrected,
  };
}

async function checkFiles(directory: string): Promise<void> {
  const found = await Promise.all(
    Object.values(files).map(async (name) => {
      const entry = await stat(join(directory, name)).catch(() => undefined);
      return entry?.isFile() === true ? undefined : name;
    }),
  );
  const missing = found.filter((name) => name !== undefined);
  if (missing.length === 0) return;
  throw new RelearnError(
    'invalid_arguments',
    `${directory} lacks ${missing.join(', ')}. Wanted a folder with ${Object.values(files).join(', ')}.`,
  );
}

async function readTraffic(path: string): Promise<TrafficRow[]> {
  const rows: TrafficRow[] = [];
  for await (const row of readJsonl(path, trafficRow)) rows.push(row);
  if (rows.length > 0) return rows;
  throw new RelearnError('invalid_rows', `${path} holds no row. Wanted JSONL of {"prompt","truth"}.`);
}
