import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { redactorVersion } from '../../../src/log/redact/index.ts';
import { trainEmbedded } from '../../../src/retrain/embedded/train-in-thread.ts';
import type { LabelledText } from '../../../src/retrain/embedded/train.ts';

const subjects = {
  weather: ['rain', 'storm', 'sunshine', 'temperature', 'forecast', 'cloudy', 'umbrella', 'snowfall'],
  banking: ['account', 'transfer', 'balance', 'deposit', 'interest', 'overdraft', 'statement', 'cheque'],
  travel: ['flight', 'luggage', 'boarding', 'passport', 'itinerary', 'hotel', 'airline', 'layover'],
};
export type Subject = keyof typeof subjects;
const frames = ['what about the', 'tell me of my', 'please check the', 'is there any', 'i want to know the'];

/** Texts of one subject that a word list tells apart; other `from` gives other texts. */
export function makeRows(label: Subject, count: number, from = 0): LabelledText[] {
  const words = subjects[label];
  return Array.from({ length: count }, (_, at) => {
    const n = from + at;
    const first = words[n % words.length] ?? '';
    const second = words[Math.floor(n / words.length) % words.length] ?? '';
    return { text: `${frames[n % frames.length] ?? ''} ${first} and ${second}`, label };
  });
}

/** A directory that is gone after the test. */
export async function makeDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-embedded-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export async function writeJsonl(path: string, rows: readonly unknown[]): Promise<string> {
  await writeFile(path, rows.map((row) => JSON.stringify(row) + '\n').join(''));
  return path;
}

/** Rows as base sets, gold sets and eval packs hold them. */
export function toExamples(rows: readonly LabelledText[]): { prompt: string; completion: string }[] {
  return rows.map(({ text, label }) => ({ prompt: text, completion: label }));
}

/** A small classifier of weather and banking on disk. */
export async function trainSmallModel(directory: string): Promise<string> {
  const output = join(directory, 'model.onnx');
  const rows = [...makeRows('weather', 40), ...makeRows('banking', 40)];
  const base = await writeJsonl(join(directory, 'base.jsonl'), toExamples(rows));
  await trainEmbedded({
    files: { base, calibration: [] },
    output,
    seed: 1,
    epochs: 5,
    redactorVersion: redactorVersion(),
  });
  return output;
}
