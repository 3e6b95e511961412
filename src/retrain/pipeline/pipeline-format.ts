import { z } from 'zod';

/** The metadata key of a pipeline that was trained elsewhere and rewritten for onnxruntime-node; its value is JSON. */
export const pipelineKey = 'relearn.pipeline';

export const pipelineMetadataSchema = z.object({
  format: z.literal(1),
  /** The one input: strings, [texts] or [texts, 1]. */
  input: z.object({ name: z.string(), rank: z.union([z.literal(1), z.literal(2)]) }),
  outputs: z.object({ label: z.string(), scores: z.string() }),
  scores: z.enum(['probabilities', 'scores']),
  /** Empty when the file does not name them. */
  labels: z.array(z.string()),
  redactorVersion: z.string().min(1),
  lowConfidenceBelow: z.number().max(0).nullable(),
});
export type PipelineMetadata = z.output<typeof pipelineMetadataSchema>;
