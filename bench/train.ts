import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { childEnvironment } from '../infra/environment.ts';
import { errorMessage } from '../src/errors.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { installPackages } from './peers/python.ts';
import { firstOfEach, makeTrainData, readTrainData, shares, writeLines, type TrainData } from './train-data.ts';
import { runEncoder } from './train-encoder.ts';

const runFile = promisify(execFile);
const alone = fileURLToPath(new URL('./train-alone.js', import.meta.url));
const peer = fileURLToPath(new URL('../../bench/peers/text_classifiers.py', import.meta.url));
const counts = [5, 10, 50];

const trainedSchema = z.object({ cpu: z.number(), peakMb: z.number() });
const peerSchema = z.object({ known: z.number(), new: z.number(), cpu: z.number(), fit: z.number() });

/**
 * The embedded trainer on a base set and the first k rows of each new label, beside scikit-learn on the same rows and kinds of
 * features. `data`: a folder in the layout of CLINC150's split; left out, made-up rows. `encoder`: the trainer `encoder` instead,
 * which embeds every text and takes minutes.
 */
export async function run({ data, encoder }: { data?: string; encoder?: boolean }): Promise<Record<string, number>> {
  const rows = data === undefined ? makeTrainData() : await readTrainData(data);
  if (encoder === true) return runEncoder(rows, counts);
  const directory = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  try {
    return await runEmbedded(rows, directory, await installPython());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function installPython(): Promise<string | undefined> {
  try {
    return join(await installPackages('sklearn', ['scikit-learn', 'skl2onnx']), 'python');
  } catch (error) {
    console.error(`left out: scikit-learn cannot be installed (${errorMessage(error).split('\n')[0]})`);
    return undefined;
  }
}

async function runEmbedded(data: TrainData, directory: string, python: string | undefined) {
  const figures: Record<string, number> = {};
  const base = await writeLines(join(directory, 'base.jsonl'), data.base);
  const cases = await writeLines(join(directory, 'cases.jsonl'), data.cases);
  const ratios: number[] = [];
  let peak = 0;
  for (const k of counts) {
    const pairs = firstOfEach(data.arriving, k).map(({ prompt, completion }) => ({
      messages: [
        { role: 'user', content: prompt },
        { role: 'assistant', content: completion },
      ],
    }));
    const dataset = await writeLines(join(directory, `dataset-${k}.jsonl`), pairs);
    const output = join(directory, 'model.onnx');
    const { stdout } = await runFile(process.execPath, [alone, base, dataset, output]);
    const trained = trainedSchema.parse(JSON.parse(stdout));
    peak = Math.max(peak, trained.peakMb);
    const { fresh, known } = shares(data, await answersOf(output, data));
    figures[`new_k${k}`] = fresh;
    if (k === 50) figures['known_k50'] = known;
    if (python === undefined) continue;
    const env = childEnvironment({ OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' });
    const theirs = peerSchema.parse(JSON.parse((await runFile(python, [peer, base, dataset, cases], { env })).stdout));
    figures[`linear_svc_k${k}`] = theirs.new;
    ratios.push(trained.cpu / theirs.cpu);
    const seconds = `${trained.cpu.toFixed(2)} s of CPU, scikit-learn ${theirs.cpu.toFixed(2)} (fit ${theirs.fit.toFixed(2)})`;
    console.error(
      `k=${k}: new ${fresh.toFixed(3)} (LinearSVC ${theirs.new.toFixed(3)}), known ${known.toFixed(3)}, ${seconds}`,
    );
  }
  if (ratios.length > 0) figures['vs_sklearn_cpu'] = Math.max(...ratios);
  return { ...figures, peak_mb: peak };
}

async function answersOf(file: string, { cases }: TrainData): Promise<string[]> {
  const model = await loadOnnxModel(file, 'bench');
  const answers = await model.answer(cases.map(({ prompt }) => [{ role: 'user', content: prompt }]));
  await model.close();
  return answers.map(({ text }) => text);
}
