import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { classifierText, type Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { createFeaturizer, type Featurizer, type SparseVector } from '../retrain/embedded/featurize.ts';
import { readOnnx } from '../retrain/embedded/read-onnx.ts';
import type { Answer, ServedModel } from './model.ts';

/** An embedded classifier, ready to answer. */
export interface OnnxModel extends ServedModel {
  /** Natural log: an answer below it is of low confidence. Null when the version was not calibrated. */
  readonly lowConfidenceBelow: number | null;
  readonly labels: readonly string[];
  /** Conversations must be redacted by this redactor before they are answered. */
  readonly redactorVersion: string;
}

/** `run` blocks the event loop, so a slice is a millisecond or two: this many texts, and this many floats gathered. */
const textsPerSlice = 64;
const floatsPerSlice = 2 ** 21;

/**
 * Loads a classifier that this project exported and answers once, so that the first request is fast. One computing thread:
 * more of them are slower on texts this small. Throws `invalid_artifact`.
 */
export async function loadOnnxModel(path: string, version: string): Promise<OnnxModel> {
  const { bytes, metadata } = await readOnnx(path);
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  }).catch((cause: unknown) => {
    throw new RelearnError('invalid_artifact', `onnxruntime cannot load ${path}. Train the version again.`, { cause });
  });
  const { labels, lowConfidenceBelow, redactorVersion } = metadata;
  const featurize = createFeaturizer(metadata.featurizer);

  async function answer(conversations: readonly (readonly Message[])[], signal?: AbortSignal): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (const slice of sliceVectors(conversations, featurize, labels.length)) {
      if (answers.length > 0) await yieldToEventLoop();
      signal?.throwIfAborted();
      answers.push(...(await runSlice(session, slice, labels)));
    }
    return answers;
  }

  await answer([[{ role: 'user', content: 'warm up' }]]);
  return {
    version,
    readsRedacted: true,
    lowConfidenceBelow,
    labels,
    redactorVersion,
    answer,
    close: () => session.release(),
  };
}

/** Featurises lazily, so that the next slice costs its time after the yield. */
function* sliceVectors(
  conversations: readonly (readonly Message[])[],
  featurize: Featurizer,
  labels: number,
): Generator<SparseVector[]> {
  let slice: SparseVector[] = [];
  let width = 0;
  for (const conversation of conversations) {
    const vector = featurize(classifierText(conversation));
    const wider = Math.max(width, vector.ids.length);
    const full = slice.length === textsPerSlice || (slice.length + 1) * wider * labels > floatsPerSlice;
    if (full && slice.length > 0) {
      yield slice;
      slice = [];
      width = 0;
    }
    slice.push(vector);
    width = Math.max(width, vector.ids.length);
  }
  if (slice.length > 0) yield slice;
}

async function runSlice(
  session: InferenceSession,
  slice: readonly SparseVector[],
  labels: readonly string[],
): Promise<Answer[]> {
  const width = Math.max(1, ...slice.map(({ ids }) => ids.length));
  const ids = new Int32Array(slice.length * width);
  const weights = new Float32Array(slice.length * width);
  slice.forEach((vector, index) => {
    ids.set(vector.ids, index * width);
    weights.set(vector.weights, index * width);
  });
  const shape = [slice.length, width];
  const { label, logprobs } = await session.run({
    ids: new Tensor('int32', ids, shape),
    weights: new Tensor('float32', weights, shape),
  });
  const best = label?.data;
  const logs = logprobs?.data;
  if (!(best instanceof BigInt64Array) || !(logs instanceof Float32Array)) {
    throw new RelearnError('invalid_artifact', 'The model answered no label and logprobs. Train the version again.');
  }
  return slice.map((_, index) => {
    const position = Number(best[index]);
    return { text: labels[position] ?? '', logprob: logs[index * labels.length + position] ?? null };
  });
}
