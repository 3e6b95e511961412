import { InferenceSession, Tensor } from 'onnxruntime-node';
import { RelearnError } from '../../errors.ts';
import { added, withPooling } from './encoder-format.ts';
import { createTokenizer, type WordPieceParameters } from './wordpiece.ts';

/** What the inputs of an encoder hold for token `at` of the ids. */
const fillings: Record<string, (ids: readonly number[], at: number) => number> = {
  input_ids: (ids, at) => ids[at] ?? 0,
  attention_mask: () => 1,
  token_type_ids: () => 0,
};

/** One thread: the worker's other threads have work too, and the same bits come out. */
export const sessionOptions: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
};

/** The inputs of one text. Texts go one by one: in an int8 encoder the answer to a text depends on its batch. */
export function feedsOf(ids: readonly number[], inputs: readonly string[]): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const input of inputs) {
    const fill = fillings[input] ?? (() => 0);
    feeds[input] = new Tensor(
      'int64',
      BigInt64Array.from(ids, (_, at) => BigInt(fill(ids, at))),
      [1, ids.length],
    );
  }
  feeds[added.pool] = new Tensor('float32', new Float32Array(ids.length).fill(1 / ids.length), [1, 1, ids.length]);
  return feeds;
}

export interface Encoder {
  /** The encoder's file with pooling behind it. */
  pooled: Uint8Array;
  inputs: string[];
  /** Length of an embedding. */
  size: number;
  /** The embedding of a text, of length 1. */
  embed(text: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a sentence encoder: token ids in, one vector a token out, as sentence-transformers export them. Throws
 * `invalid_artifact` naming what does not fit.
 */
export async function openEncoder(bytes: Uint8Array, tokenizer: WordPieceParameters): Promise<Encoder> {
  const plain = await open(bytes);
  const inputs = [...plain.inputNames];
  const foreign = inputs.filter((input) => fillings[input] === undefined);
  const tokenize = createTokenizer(tokenizer);
  let hidden: string;
  let size: number;
  try {
    if (foreign.length > 0) throw unusable(`it asks for ${foreign.join(', ')}`);
    [hidden, size] = await findHidden(plain, feedsOf(tokenize('warm up'), inputs));
  } finally {
    await plain.release();
  }
  const pooled = withPooling(bytes, hidden, size);
  const session = await open(pooled);
  return {
    ...{ pooled, inputs, size },
    async embed(text) {
      const found = (await session.run(feedsOf(tokenize(text), inputs), [added.embedding]))[added.embedding]?.data;
      if (!(found instanceof Float32Array)) throw unusable('its vectors are not float32');
      return found;
    },
    close: () => session.release(),
  };
}

async function open(bytes: Uint8Array): Promise<InferenceSession> {
  return InferenceSession.create(bytes, sessionOptions).catch((cause: unknown) => {
    throw unusable('onnxruntime cannot load it', cause);
  });
}

/** The output with one vector a token, and the length of a vector. */
async function findHidden(session: InferenceSession, feeds: Record<string, Tensor>): Promise<[string, number]> {
  const { [added.pool]: pool, ...own } = feeds;
  const tokens = pool?.dims[2];
  const outputs = await session.run(own).catch((cause: unknown) => {
    throw unusable('it does not answer', cause);
  });
  for (const [name, { dims, type }] of Object.entries(outputs)) {
    const [texts, places, size] = dims;
    if (dims.length === 3 && texts === 1 && places === tokens && type === 'float32' && size) return [name, size];
  }
  throw unusable('it has no float32 output of [texts, tokens, size]');
}

function unusable(why: string, cause?: unknown): RelearnError {
  return new RelearnError(
    'invalid_artifact',
    `The encoder of retrain.trainer.encoder cannot be used: ${why}. Wanted an ONNX sentence encoder with the inputs ` +
      'input_ids, attention_mask and, where it has them, token_type_ids (int64), and one float32 vector a token.',
    { cause },
  );
}
