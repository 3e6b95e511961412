import { z } from 'zod';

const endpoint = {
  url: z.url().describe('base URL of an OpenAI-compatible endpoint, such as https://host/v1'),
  model: z.string().min(1).describe('the model name the endpoint knows'),
  apiKeyEnv: z.string().min(1).optional().describe('environment variable that holds the key'),
};

/** `models.<name>.relabel`: a stronger model that proposes corrections. It gets redacted text only. */
export const relabelConfig = z.strictObject({
  ...endpoint,
  instruction: z
    .string()
    .min(1)
    .optional()
    .describe('what it is told before the conversation; for a classifier the labels are added'),
  judge: z
    .strictObject({ ...endpoint, rubric: z.string().min(1).describe('what a right completion is') })
    .optional()
    .describe('asked whether a proposal is right; without a judge proposals are suggestions only'),
  maxPerHour: z.number().int().positive().default(100).describe('rows it is asked about; each costs three requests'),
  timeoutSeconds: z.number().positive().default(60),
});

export type RelabelConfig = z.output<typeof relabelConfig>;
