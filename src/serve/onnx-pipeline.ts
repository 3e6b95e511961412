import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { classifierText } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { readMetadata, type OnnxFile } from '../retrain/embedded/read-onnx.ts';
import { pipelineKey, pipelineMetadataSchema } from '../retrain/pipeline/pipeline-format.ts';
import { logprobOf } from '../retrain/pipeline/scores.ts';
import type { Answer } from './model.ts';
import type { LoadedOnnx } from './onnx.ts';

const textsPerSlice = 64;

/** A pipeline that was trained elsewhere, such as scikit-learn's by skl2onnx: texts in, labels and a score a label out. */
export async function openPipelineModel(file: OnnxFile, session: InferenceSession): Promise<LoadedOnnx> {
  const metadata = readMetadata(file, pipelineKey, pipelineMetadataSchema);
  const { labels, lowConfidenceBelow, redactorVersion, input, outputs, scores } = metadata;
  return {
    ...{ labels, lowConfidenceBelow, redactorVersion },
    async answer(conversations, signal) {
      const answers: Answer[] = [];
      for (let at = 0; at < conversations.length; at += textsPerSlice) {
        if (at > 0) await yieldToEventLoop();
        signal?.throwIfAborted();
        const texts = conversations.slice(at, at + textsPerSlice).map(classifierText);
        const shape = input.rank === 1 ? [texts.length] : [texts.length, 1];
        const given = await session.run({ [input.name]: new Tensor('string', texts, shape) });
        const [label, score] = [given[outputs.label]?.data, given[outputs.scores]?.data];
        if (label === undefined || !(score instanceof Float32Array)) {
          throw new RelearnError('invalid_artifact', 'The pipeline gave no label and float32 scores. Export it again.');
        }
        const width = score.length / texts.length;
        for (const place of texts.keys()) {
          const row = score.subarray(place * width, (place + 1) * width);
          answers.push({ text: String(label[place]), logprob: logprobOf(row, scores) });
        }
      }
      return answers;
    },
  };
}
