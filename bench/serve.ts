import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { classifierText, type Message } from '../src/chat.ts';
import { readExamples, type Example } from '../src/jsonl.ts';
import { redactorVersion, redactText } from '../src/log/redact/index.ts';
import { createFeaturizer } from '../src/retrain/embedded/featurize.ts';
import { readOnnx } from '../src/retrain/embedded/read-onnx.ts';
import { trainFromFiles } from '../src/retrain/embedded/train-from-files.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { supportPrompt } from './peers/prompts.ts';

const rounds = 5;
const roundMs = 700;
const batch = 64;

/** Answers some conversations. */
type Answers = (conversations: readonly (readonly Message[])[]) => Promise<unknown>;

/**
 * Prompts a second of the ONNX champion (`src/serve/onnx.ts`) over those of a bare onnxruntime-node session that gets the
 * same prompts, featurised the same way: one at a time, and in batches of 64. The smaller of the two counts. `data`: a
 * folder with a `base-train.jsonl` of prompt and completion instead of made-up support mail.
 */
export async function run({ data }: { data?: string }): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  try {
    const base = data === undefined ? join(directory, 'base-train.jsonl') : join(data, 'base-train.jsonl');
    if (data === undefined)
      await writeFile(
        base,
        madeUp()
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      );
    const output = join(directory, 'model.onnx');
    await trainFromFiles(
      { files: { base, calibration: [] }, output, seed: 1, epochs: 3, redactorVersion: redactorVersion() },
      () => {},
    );
    const conversations = (await readExamples(base))
      .slice(0, 2048)
      .map(({ prompt }) => [{ role: 'user', content: redactText(prompt).text }]);

    const champion = await loadOnnxModel(output, 'bench');
    const bare = await openBareSession(output);
    const ours: Answers = (asked) => champion.answer(asked);
    const single = await compare(ours, bare.answer, conversations, 1);
    const batched = await compare(ours, bare.answer, conversations, batch);
    await Promise.all([champion.close(), bare.close()]);
    return {
      vs_bare_session: Math.min(single.ratio, batched.ratio),
      single_ratio: single.ratio,
      batched_ratio: batched.ratio,
      single_per_s: single.perSecond,
      batched_per_s: batched.perSecond,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function madeUp(): Example[] {
  return Array.from({ length: 4000 }, (_, index) => ({
    prompt: supportPrompt(index),
    completion: `topic ${index % 60}`,
  }));
}

/** The session with nothing around it: no slices, no yielding, no abort, no checks. */
async function openBareSession(path: string): Promise<{ answer: Answers; close: () => Promise<void> }> {
  const { metadata } = await readOnnx(path);
  const session = await InferenceSession.create(await readFile(path), {
    ...{ intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' },
  });
  const featurize = createFeaturizer(metadata.featurizer);
  return {
    async answer(conversations) {
      const vectors = conversations.map((messages) => featurize(classifierText(messages)));
      const width = Math.max(1, ...vectors.map(({ ids }) => ids.length));
      const ids = new Int32Array(vectors.length * width);
      const weights = new Float32Array(vectors.length * width);
      for (const [index, vector] of vectors.entries()) {
        ids.set(vector.ids, index * width);
        weights.set(vector.weights, index * width);
      }
      const shape = [vectors.length, width];
      const found = await session.run({
        ids: new Tensor('int32', ids, shape),
        weights: new Tensor('float32', weights, shape),
      });
      return [found['label']?.data, found['logprobs']?.data];
    },
    close: () => session.release(),
  };
}

/** Takes turns, so that whatever else the machine does meets both. */
async function compare(ours: Answers, bare: Answers, conversations: readonly Message[][], size: number) {
  const ratios: number[] = [];
  const speeds: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const own = await measure(ours, conversations, size);
    const other = await measure(bare, conversations, size);
    if (round < 0) continue; // warming up
    ratios.push(own / other);
    speeds.push(own);
  }
  return { ratio: median(ratios), perSecond: median(speeds) };
}

async function measure(answer: Answers, conversations: readonly Message[][], size: number): Promise<number> {
  const start = performance.now();
  let answered = 0;
  for (; performance.now() - start < roundMs; answered += size) {
    const at = answered % (conversations.length - size + 1);
    await answer(conversations.slice(at, at + size));
  }
  return (answered * 1000) / (performance.now() - start);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
