import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { redactorVersion, redactText } from '../src/log/redact/index.ts';
import { createRandom, shuffle } from '../src/retrain/embedded/random.ts';
import { trainEmbedded } from '../src/retrain/embedded/train-in-thread.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { readData, writeMadeUp, type LabelCostData } from './label-cost/data.ts';
import { drawCurves, type CurvePoint } from './label-cost/draw.ts';
import { reviewInQueueOrder, type ReviewedRow } from './label-cost/review.ts';

const seeds = [1, 2, 3, 4, 5];
/** Corrections that random order is given; the queue's order has to reach what it reaches. */
const randomCorrections = 500;
const queueSteps = [25, 50, 75, 100, 125, 150, 175, 200, 225, 250, 275, 300, 350, 400, 450, 500];
/** Drawn besides, when a picture is wanted. */
const drawnQueueSteps = new Set([25, 50, 75, 100, 125, 150, 200, 300]);
const drawnRandomSteps = [50, 100, 200, 300, 400];

/**
 * Corrections that the review queue's order needs over those random order needs, for the accuracy that 500 random ones
 * reach: the median of five seeds. Every correction is trained by the production trainer, together with the base set.
 * `data`: a folder of the layout of `label-cost/data.ts`; without it a made-up set. `draw`: a path for a picture (SVG) of
 * accuracy against corrections.
 */
export async function run({ data, draw }: { data?: string; draw?: string }): Promise<Record<string, number>> {
  const scratch = await mkdtemp(join(tmpdir(), 'relearn-label-cost-'));
  try {
    if (data === undefined) await writeMadeUp(scratch);
    const lab = await openLab(await readData(data ?? scratch), scratch);
    const results = await inTurns(seeds, (seed) => compareOrders(lab, seed, draw !== undefined));
    if (draw !== undefined) {
      await writeFile(
        draw,
        await drawCurves(
          results.flatMap(({ curve }) => curve),
          median(results.map(({ target }) => target)),
        ),
      );
    }
    return {
      queue_vs_random: median(results.map(({ corrections }) => corrections / randomCorrections)),
      queue_corrections: median(results.map(({ corrections }) => corrections)),
      random_corrections: randomCorrections,
      accuracy: median(results.map(({ target }) => target)),
      reads_vs_random: median(results.map(({ read }) => read / randomCorrections)),
      rows_a_correction: median(results.map(({ rows }) => rows)),
      wrong_labels: median(results.map(({ wrong }) => wrong)),
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Lab {
  pool: { text: string; truth: string; risky: boolean }[];
  /** Trains base and corrections, and measures on the rows of after the drift. */
  accuracyWith(corrected: readonly { text: string; completion: string }[], seed: number): Promise<number>;
}

async function openLab(data: LabelCostData, scratch: string): Promise<Lab> {
  let trainings = 0;
  async function withModel<Result>(
    corrected: readonly { text: string; completion: string }[],
    seed: number,
    use: (model: Awaited<ReturnType<typeof loadOnnxModel>>) => Promise<Result>,
  ): Promise<Result> {
    trainings += 1;
    const [dataset, output] = [`dataset-${trainings}.jsonl`, `${trainings}.onnx`].map((name) => join(scratch, name));
    if (dataset === undefined || output === undefined) throw new Error('a path is missing');
    const pairs = corrected.map(({ text, completion }) => ({
      messages: [
        { role: 'user', content: text },
        { role: 'assistant', content: completion },
      ],
    }));
    await writeFile(dataset, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    const files = { base: data.base, calibration: data.calibration, ...(pairs.length > 0 ? { dataset } : {}) };
    await trainEmbedded({ files, output, seed, epochs: 10, redactorVersion });
    const model = await loadOnnxModel(output, 'bench');
    try {
      return await use(model);
    } finally {
      await model.close();
      await rm(output);
    }
  }
  const ask = (text: string) => [{ role: 'user', content: text }];

  const redacted = data.pool.map(({ prompt, truth }) => ({ text: redactText(prompt).text, truth }));
  const champion = await withModel([], 1, async (model) => {
    const answers = await model.answer(redacted.map(({ text }) => ask(text)));
    return answers.map(({ logprob }) => (logprob ?? -Infinity) < (model.lowConfidenceBelow ?? Math.log(0.5)));
  });
  const cases = data.evalAfter.map(({ prompt, completion }) => ({ text: redactText(prompt).text, completion }));
  return {
    pool: redacted.map((row, index) => ({ ...row, risky: champion[index] ?? false })),
    accuracyWith: (corrected, seed) =>
      withModel(corrected, seed, async (model) => {
        const answers = await model.answer(cases.map(({ text }) => ask(text)));
        return answers.filter(({ text }, index) => text === cases[index]?.completion).length / cases.length;
      }),
  };
}

async function compareOrders(lab: Lab, seed: number, drawn: boolean) {
  const { pool } = lab;
  const order = Int32Array.from(pool.keys());
  shuffle(order, createRandom(seed));
  const pick = (row: number, completion: string) => ({ text: pool[row]?.text ?? '', completion });
  const inRandomOrder = (corrections: number) =>
    [...order.subarray(0, corrections)].map((row) => pick(row, pool[row]?.truth ?? ''));
  const target = await lab.accuracyWith(inRandomOrder(randomCorrections), seed);
  const curve: CurvePoint[] = [{ order: 'random', corrections: randomCorrections, accuracy: target }];
  for (const corrections of drawn ? drawnRandomSteps : []) {
    const accuracy = await lab.accuracyWith(inRandomOrder(corrections), seed);
    curve.push({ order: 'random', corrections, accuracy });
  }

  const { answered, read } = reviewInQueueOrder(pool, queueSteps.at(-1) ?? 0, seed);
  const upTo = (corrections: number) => answered.filter(({ cost }) => cost <= corrections);
  let reached: number | undefined;
  for (const corrections of queueSteps) {
    if (reached !== undefined && !(drawn && drawnQueueSteps.has(corrections))) continue;
    const rows = upTo(corrections).map(({ row, completion }) => pick(row, completion));
    const accuracy = await lab.accuracyWith(rows, seed);
    curve.push({ order: 'queue', corrections, accuracy });
    if (accuracy >= target) reached ??= corrections;
  }
  // Not reached: counted as the last step it was given, and said so.
  const corrections = reached ?? Infinity;
  const used = upTo(corrections);
  console.error(
    `seed ${seed}: ${corrections} in the queue's order, ${target.toFixed(4)} at ${randomCorrections} random`,
  );
  return {
    ...{ corrections, target, curve },
    read: read[Math.min(corrections, read.length - 1)] ?? 0,
    rows: used.length / Math.min(corrections, read.length - 1),
    wrong: used.filter((row) => isWrong(row, pool)).length / used.length,
  };
}

function isWrong({ row, completion }: ReviewedRow, pool: Lab['pool']): boolean {
  return pool[row]?.truth !== completion;
}

/** Each core takes the next one; results in order. */
async function inTurns<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items.entries()];
  const takeTurns = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, item] = next;
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, takeTurns));
  return results;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
