import { trainerSchema } from '../src/retrain/config.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { redactorVersion, redactText } from '../src/log/redact/index.ts';
import { createRandom, shuffle } from '../src/retrain/embedded/random.ts';
import { trainEmbedded } from '../src/retrain/embedded/train-in-thread.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { readData, writeMadeUp, type LabelCostData } from './label-cost/data.ts';
import { drawCurves, type CurvePoint } from './label-cost/draw.ts';
import { reviewInQueueOrder } from './label-cost/review.ts';

const seeds = [1, 2, 3, 4, 5];
/** Corrections that random order is given; the queue's order has to reach what it reaches. */
const randomCorrections = 500;
/** How exact the queue's figure is: it is found by bisection between this and as many as random order had. */
const step = 20;
/** When a picture is wanted, it shows these besides, of these seeds. */
const drawnSeeds = new Set([1, 2, 3]);
const drawn = { random: [50, 100, 200, 300, 400], queue: [25, 50, 100, 150, 200, 300] };

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
    const results = await inTurns(seeds, (seed) =>
      compareOrders(lab, seed, draw !== undefined && drawnSeeds.has(seed)),
    );
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
    const trainer = trainerSchema.parse({ kind: 'embedded', base: data.base });
    if (trainer.kind !== 'embedded') throw new Error('wanted the embedded trainer');
    const { epochs } = trainer;
    await trainEmbedded({ files, output, seed, epochs, redactorVersion: redactorVersion() });
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

async function compareOrders(lab: Lab, seed: number, draws: boolean) {
  const { pool } = lab;
  const order = Int32Array.from(pool.keys());
  shuffle(order, createRandom(seed));
  const { answered, read } = reviewInQueueOrder(pool, randomCorrections, seed);
  const rowsOf = {
    random: (corrections: number) =>
      [...order.subarray(0, corrections)].map((row) => ({ row, completion: pool[row]?.truth ?? '' })),
    queue: (corrections: number) => answered.filter(({ cost }) => cost <= corrections),
  };
  const measure = (of: keyof typeof rowsOf, corrections: number) =>
    lab.accuracyWith(
      rowsOf[of](corrections).map(({ row, completion }) => ({ text: pool[row]?.text ?? '', completion })),
      seed,
    );

  const target = await measure('random', randomCorrections);
  let [below, reached] = [0, randomCorrections];
  while (reached - below > step) {
    const middle = Math.round((below + reached) / 2 / step) * step;
    if ((await measure('queue', middle)) >= target) reached = middle;
    else below = middle;
  }
  console.error(
    `seed ${seed}: ${reached} in the queue's order for ${target.toFixed(4)}, as ${randomCorrections} random`,
  );
  const curve: CurvePoint[] = draws ? [{ order: 'random', corrections: randomCorrections, accuracy: target }] : [];
  for (const of of draws ? (['random', 'queue'] as const) : []) {
    for (const corrections of drawn[of]) {
      curve.push({ order: of, corrections, accuracy: await measure(of, corrections) });
    }
  }
  const used = rowsOf.queue(reached);
  return {
    ...{ corrections: reached, target, curve },
    read: read[Math.min(reached, read.length - 1)] ?? 0,
    rows: used.length / reached,
    wrong: used.filter(({ row, completion }) => pool[row]?.truth !== completion).length / used.length,
  };
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
