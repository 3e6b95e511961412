import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readExamples, readJsonl, type Example } from '../../src/jsonl.ts';
import { createRandom } from '../../src/retrain/embedded/random.ts';

export interface LabelCostData {
  /** Path: JSONL of prompt and completion, what the champion learned from. */
  base: string;
  /** Paths: what the champion's confidence is calibrated on. */
  calibration: string[];
  /** Traffic after the drift, with what a person would answer. */
  pool: { prompt: string; truth: string }[];
  /** Quality after retraining is measured on these. */
  evalAfter: Example[];
}

const trafficRow = z.object({ prompt: z.string().min(1), truth: z.string().min(1) });

/** Reads a folder of base-train, gold, eval, eval-after (prompt, completion) and traffic-drifted (prompt, truth). */
export async function readData(folder: string): Promise<LabelCostData> {
  const pool: LabelCostData['pool'] = [];
  for await (const row of readJsonl(join(folder, 'traffic-drifted.jsonl'), trafficRow)) pool.push(row);
  return {
    base: join(folder, 'base-train.jsonl'),
    calibration: [join(folder, 'gold.jsonl'), join(folder, 'eval.jsonl')],
    pool,
    evalAfter: await readExamples(join(folder, 'eval-after.jsonl')),
  };
}

const baseTopics = 20;
const newTopics = 40;
const openings = ['please', 'can you', 'i want to', 'how do i', 'tell me how to', 'help me', 'i need to', 'what about'];
const endings = ['today', 'for me', 'right now', 'again', 'if possible', 'this week', 'as soon as you can', ''];

/**
 * Writes a made-up set of the same layout: each topic has eight words of its own and borrows three of the topic beside it. A
 * text has three to five of them.
 */
export async function writeMadeUp(folder: string): Promise<void> {
  const random = createRandom(1);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)];
  const syllables = ['ba', 'ko', 'ri', 'mu', 'te', 'la', 'no', 'si', 'ver', 'dan', 'pol', 'gis', 'tra', 'fen', 'hul'];
  const word = () => Array.from({ length: 2 + Math.floor(random() * 2) }, () => pick(syllables)).join('');
  const words = Array.from({ length: baseTopics + newTopics + 1 }, () => Array.from({ length: 8 }, word));
  const textOf = (topic: number) => {
    const own = [...(words[topic] ?? []), ...(words[topic + 1] ?? []).slice(0, 3)];
    const said = Array.from({ length: 3 + Math.floor(random() * 3) }, () => pick(own));
    return [pick(openings), ...said, pick(endings)].join(' ').trim();
  };
  const known = Array.from({ length: baseTopics }, (_, topic) => topic);
  const fresh = Array.from({ length: newTopics }, (_, topic) => baseTopics + topic);
  const rows = (topics: number[], each: number) =>
    Array.from({ length: each }, () => topics)
      .flat()
      .map((topic) => ({ prompt: textOf(topic), label: `topic-${topic}` }));
  const write = (name: string, lines: object[]) =>
    writeFile(join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const examples = (topics: number[], each: number) =>
    rows(topics, each).map(({ prompt, label }) => ({ prompt, completion: label }));
  await write('base-train.jsonl', examples(known, 60));
  await write('gold.jsonl', examples(known, 3));
  await write('eval.jsonl', examples(known, 6));
  await write('eval-after.jsonl', examples([...known, ...fresh], 15));
  await write(
    'traffic-drifted.jsonl',
    rows(fresh, 60).map(({ prompt, label }) => ({ prompt, truth: label })),
  );
}
