import { z } from 'zod';

/** `models.<name>.labelStudio`: where people label in Label Studio instead of the console. */
export const labelStudioConfig = z.strictObject({
  url: z.url().describe('where Label Studio answers, such as https://labels.example.com'),
  tokenEnv: z
    .string()
    .min(1)
    .describe('environment variable with an access token: a personal one, or one of the older kind'),
  webhookSecretEnv: z
    .string()
    .min(1)
    .optional()
    .describe('environment variable with what the webhook sends as x-relearn-secret; left out: no webhook is taken'),
  project: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('id of the project; left out: one named "relearn: <model>", which the first push makes'),
  holdDays: z
    .number()
    .int()
    .min(1)
    .max(365)
    .default(7)
    .describe('a pushed row is not shown to other reviewers for so long'),
});

export type LabelStudioConfig = z.output<typeof labelStudioConfig>;
