import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { InferenceSession } from 'onnxruntime-node';
import { classifierText } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { readMetadata, type OnnxFile } from '../retrain/embedded/read-onnx.ts';
import { feedsOf } from '../retrain/encoder/encode.ts';
import { added, encoderKey, encoderMetadataSchema } from '../retrain/encoder/encoder-format.ts';
import { createTokenizer } from '../retrain/encoder/wordpiece.ts';
import type { Answer } from './model.ts';
import type { LoadedOnnx } from './onnx.ts';

/** A sentence encoder and its head, one text at a time: some milliseconds each. */
export async function openEncoderModel(file: OnnxFile, session: InferenceSession): Promise<LoadedOnnx> {
  const metadata = readMetadata(file, encoderKey, encoderMetadataSchema);
  const tokenize = createTokenizer(metadata.tokenizer);
  const { labels, lowConfidenceBelow, redactorVersion, inputs } = metadata;

  /** One output for each text; every text gives way to the event loop. */
  async function run(texts: readonly string[], output: string, signal?: AbortSignal): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    for (const text of texts) {
      if (found.length > 0) await yieldToEventLoop();
      signal?.throwIfAborted();
      const values = (await session.run(feedsOf(tokenize(text), inputs), [output]))[output]?.data;
      if (!(values instanceof Float32Array)) {
        throw new RelearnError('invalid_artifact', `The model gave no ${output}. Train the version again.`);
      }
      found.push(values);
    }
    return found;
  }

  return {
    ...{ labels, lowConfidenceBelow, redactorVersion },
    async answer(conversations, signal) {
      const found = await run(conversations.map(classifierText), added.logprobs, signal);
      return found.map((logprobs): Answer => {
        const best = logprobs.indexOf(Math.max(...logprobs));
        return { text: labels[best] ?? '', logprob: logprobs[best] ?? null };
      });
    },
    embed: (texts, signal) => run(texts, added.embedding, signal),
  };
}
