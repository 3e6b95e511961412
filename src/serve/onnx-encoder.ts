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
  return {
    ...{ labels, lowConfidenceBelow, redactorVersion },
    async answer(conversations, signal) {
      const answers: Answer[] = [];
      for (const conversation of conversations) {
        if (answers.length > 0) await yieldToEventLoop();
        signal?.throwIfAborted();
        const outputs = await session.run(feedsOf(tokenize(classifierText(conversation)), inputs), [added.logprobs]);
        const logprobs = outputs[added.logprobs]?.data;
        if (!(logprobs instanceof Float32Array)) {
          throw new RelearnError('invalid_artifact', 'The model answered no logprobs. Train the version again.');
        }
        const best = logprobs.indexOf(Math.max(...logprobs));
        answers.push({ text: labels[best] ?? '', logprob: logprobs[best] ?? null });
      }
      return answers;
    },
  };
}
