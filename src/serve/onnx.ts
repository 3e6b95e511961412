import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { classifierText, type Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { createFeaturizer, type Featurizer, type SparseVector } from '../retrain/embedded/featurize.ts';
import { classifierMetadataSchema, metadataKey } from '../retrain/embedded/onnx-format.ts';
import { readMetadata, readOnnxFile, type OnnxFile } from '../retrain/embedded/read-onnx.ts';
import { encoderKey } from '../retrain/encoder/encoder-format.ts';
import { pipelineKey } from '../retrain/pipeline/pipeline-format.ts';
import type { Answer, ServedModel } from './model.ts';
import { openEncoderModel } from './onnx-encoder.ts';
import { openPipelineModel } from './onnx-pipeline.ts';

/** A classifier that runs in this process, ready to answer. */
export interface OnnxModel extends ServedModel {
  /** Natural log: an answer below it is of low confidence. Null when the version was not calibrated. */
  readonly lowConfidenceBelow: number | null;
  readonly labels: readonly string[];
  /** Conversations must be redacted by this redactor before they are answered. */
  readonly redactorVersion: string;
  /** Sentence encoders only: the vector of each text, of length 1, as the head reads it. In order. */
  readonly embed?: (texts: readonly string[], signal?: AbortSignal) => Promise<Float32Array[]>;
}

/** `run` blocks the event loop, so a slice is a millisecond or two: this many texts, and this many floats gathered. */
const textsPerSlice = 64;
const floatsPerSlice = 2 ** 21;

/** What a kind of model brings. */
export type LoadedOnnx = Pick<OnnxModel, 'labels' | 'lowConfidenceBelow' | 'redactorVersion' | 'answer' | 'embed'>;

/**
 * Loads a model of any kind that this project writes and answers once, so that the first request is fast. One computing thread:
 * more of them are slower on texts this small. Throws `invalid_artifact`.
 */
export async function loadOnnxModel(path: string, version: string): Promise<OnnxModel> {
  const file = await readOnnxFile(path);
  const open = kinds.find(({ key }) => file.metadata.has(key))?.open ?? openNgramModel;
  // Before the session: a file that is not ours is refused for that.
  if (open === openNgramModel) readMetadata(file, metadataKey, classifierMetadataSchema);
  const session = await InferenceSession.create(file.bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  }).catch((cause: unknown) => {
    throw new RelearnError('invalid_artifact', `onnxruntime cannot load ${path}. Train the version again.`, { cause });
  });
  const loaded = await open(file, session);
  await loaded.answer([[{ role: 'user', content: 'warm up' }]]);
  return { ...loaded, version, readsRedacted: true, close: () => session.release() };
}

const kinds = [
  { key: encoderKey, open: openEncoderModel },
  { key: pipelineKey, open: openPipelineModel },
];

async function openNgramModel(file: OnnxFile, session: InferenceSession): Promise<LoadedOnnx> {
  const metadata = readMetadata(file, metadataKey, classifierMetadataSchema);
  const { labels, lowConfidenceBelow, redactorVersion } = metadata;
  const featurize = createFeaturizer(metadata.featurizer);
  return {
    ...{ labels, lowConfidenceBelow, redactorVersion },
    async answer(conversations, signal) {
      const answers: Answer[] = [];
      for (const slice of sliceVectors(conversations, featurize, labels.length)) {
        if (answers.length > 0) await yieldToEventLoop();
        signal?.throwIfAborted();
        answers.push(...(await runSlice(session, slice, labels)));
      }
      return answers;
    },
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
