import { z } from 'zod';
import { dataType, node, tensor, value } from '../embedded/onnx-parts.ts';
import { onnxModel } from '../embedded/onnx-format.ts';
import { wordPieceSchema } from './wordpiece.ts';

/** The metadata key of an encoder with its head; its value is JSON. */
export const encoderKey = 'relearn.encoder';

export const encoderMetadataSchema = z.object({
  format: z.literal(1),
  tokenizer: wordPieceSchema,
  /** Inputs the encoder asks for, such as token_type_ids. */
  inputs: z.array(z.string()),
  labels: z.array(z.string()).min(2),
  redactorVersion: z.string().min(1),
  lowConfidenceBelow: z.number().max(0).nullable(),
  rows: z.number().int(),
  trainer: z.object({ kind: z.literal('encoder'), seed: z.number().int(), epochs: z.number().int() }),
});
export type EncoderMetadata = z.output<typeof encoderMetadataSchema>;

/** Names of what is added to the encoder's graph. `pool` [1, 1, tokens] holds one over the number of tokens in each place. */
export const added = { pool: 'relearn_pool', embedding: 'relearn_embedding', logprobs: 'relearn_logprobs' };

/**
 * The encoder, with mean pooling and length 1 behind its token vectors. Serialized messages of protobuf that stand one after
 * the other are merged when they are read (protobuf.dev, encoding, "last one wins"), so nothing of the user's file is rewritten.
 * Only operators that are the same in every opset since 11 are added.
 */
export function withPooling(encoder: Uint8Array, hidden: string, size: number): Uint8Array {
  const unit = node('LpNormalization', ['relearn_mean'], added.embedding, { axis: 2, p: 2 });
  return append(encoder, {
    graph: {
      node: [node('MatMul', [added.pool, hidden], 'relearn_mean'), unit],
      input: [value(added.pool, dataType.float, ['relearn_texts', 1, 'relearn_tokens'])],
      output: [value(added.embedding, dataType.float, ['relearn_texts', 1, size])],
    },
  });
}

/** What `withPooling` made, with the head behind it: `weights` row-major `[size][labels]`. */
export function withHead(pooled: Uint8Array, weights: Float32Array, metadata: EncoderMetadata): Uint8Array {
  const labels = metadata.labels.length;
  return append(pooled, {
    graph: {
      node: [
        node('MatMul', [added.embedding, 'relearn_head'], 'relearn_scores'),
        node('LogSoftmax', ['relearn_scores'], added.logprobs, { axis: 2 }),
      ],
      initializer: [tensor('relearn_head', dataType.float, [weights.length / labels, labels], weights)],
      output: [value(added.logprobs, dataType.float, ['relearn_texts', 1, labels])],
    },
    metadataProps: [{ key: encoderKey, value: JSON.stringify(metadata) }],
  });
}

function append(file: Uint8Array, more: object): Uint8Array {
  return Buffer.concat([file, onnxModel.encode(onnxModel.fromObject(more)).finish()]);
}
