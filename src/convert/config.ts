import { z } from 'zod';

/** How the corrected rows of a model become a dataset. */
export const datasetConfig = z.strictObject({
  preferences: z
    .array(z.enum(['openai', 'trl']))
    .default([])
    .describe('also write the corrections as preferences (DPO) in these formats'),
  replay: z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe(
      "rows of the trainer's base set for each corrected row, in replay.jsonl: for trainers that continue from a model and would " +
        'forget; the embedded trainer and the encoder replay the whole base set anyway',
    ),
});
