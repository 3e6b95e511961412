import { z } from 'zod';

const count = z.number().int().positive();

/** Section `clusters` of a model: groups of alike rows among those that failed. */
export const clustersConfig = z
  .strictObject({
    windowDays: z.number().positive().default(7).describe('rows this old and younger are grouped'),
    minRows: count.default(10).describe('fewer rows that are alike make no cluster'),
    reviewAt: count
      .default(30)
      .describe('a cluster of so many rows is tagged cluster/<id> and comes first in the queue'),
    minCorrected: count
      .default(50)
      .describe('newly corrected rows of a cluster under review that trigger a retrain; not while an incident is open'),
    embeddings: z
      .strictObject({
        url: z.url().describe('base URL of an OpenAI-compatible endpoint with /embeddings, such as https://host/v1'),
        model: z.string().min(1),
        apiKeyEnv: z.string().min(1).optional().describe('environment variable that holds the key'),
      })
      .optional()
      .describe(
        'groups by the meaning of redacted prompts, which are sent there; left out: by what the champion reads, an encoder its own embeddings, others hashed n-grams',
      ),
  })
  .describe('groups of alike rows among those that are tagged or of low confidence');

export type ClustersConfig = z.output<typeof clustersConfig>;
