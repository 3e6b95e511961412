import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readExamples, readJsonl, type Example } from '../src/jsonl.ts';
import { createRandom } from '../src/retrain/embedded/random.ts';

export interface TrainData {
  base: Example[];
  /** Rows of labels the base has not, in file order. */
  arriving: Example[];
  cases: Example[];
}

const driftedSchema = z.object({ prompt: z.string(), truth: z.string() });

/** `base-train.jsonl`, `traffic-drifted.jsonl` and `eval-after.jsonl` of a folder; new labels are those the base lacks. */
export async function readTrainData(folder: string): Promise<TrainData> {
  const base = await readExamples(join(folder, 'base-train.jsonl'));
  const cases = await readExamples(join(folder, 'eval-after.jsonl'));
  const known = new Set(base.map(({ completion }) => completion));
  const asked = new Set(cases.map(({ completion }) => completion).filter((label) => !known.has(label)));
  const arriving: Example[] = [];
  for await (const { prompt, truth } of readJsonl(join(folder, 'traffic-drifted.jsonl'), driftedSchema)) {
    if (asked.has(truth)) arriving.push({ prompt, completion: truth });
  }
  return { base, arriving, cases };
}

/** Made-up requests: each label has words of its own among words of all. Easier than anything real. */
export function makeTrainData(): TrainData {
  const random = createRandom(1);
  const pick = (from: number, count: number) => `w${(from + Math.floor(random() * count)).toString(36)}x`;
  const row = (label: number): Example => {
    const words = Array.from({ length: 8 }, (_, at) => (at < 3 ? pick(5000 + label * 12, 20) : pick(0, 800)));
    return { prompt: words.join(' '), completion: `topic ${label}` };
  };
  const rows = (from: number, to: number, each: number) =>
    Array.from({ length: (to - from) * each }, (_, at) => row(from + (at % (to - from))));
  return { base: rows(0, 60, 80), arriving: rows(60, 90, 50), cases: rows(0, 90, 15) };
}

/** The first `k` rows of each label, in order. */
export function firstOfEach(rows: readonly Example[], k: number): Example[] {
  const seen = new Map<string, number>();
  return rows.filter(({ completion }) => {
    const count = (seen.get(completion) ?? 0) + 1;
    seen.set(completion, count);
    return count <= k;
  });
}

/** Shares of right answers on labels that are new, and on known ones. */
export function shares({ base, cases }: TrainData, answers: readonly string[]): { fresh: number; known: number } {
  const labels = new Set(base.map(({ completion }) => completion));
  const share = (isKnown: boolean) => {
    const places = [...cases.keys()].filter((at) => labels.has(cases[at]?.completion ?? '') === isKnown);
    return places.filter((at) => answers[at] === cases[at]?.completion).length / places.length;
  };
  return { fresh: share(false), known: share(true) };
}

export async function writeLines(path: string, rows: readonly object[]): Promise<string> {
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}
