import { z } from 'zod';

/** What the clusters' route takes and gives: the server and the page share these. */

export const clustersQuery = z.object({ model: z.string().optional() });
const time = z.iso.datetime();

const cluster = z.object({
  model: z.string(),
  /** Its key, which its rows are tagged with once it is under review. */
  tag: z.string(),
  name: z.string(),
  terms: z.array(z.string()),
  state: z.enum(['new', 'growing', 'stable', 'resolved']),
  rows: z.number(),
  /** Its size at each look, the oldest first. */
  sizes: z.array(z.object({ at: time, rows: z.number() })),
  first_seen_at: time,
  looked_at: time,
  examples: z.array(z.object({ request_id: z.string(), prompt: z.string(), response: z.string() })),
  under_review: z.boolean(),
  /** Of a cluster under review: rows corrected since its last retrain, and how many start the next. */
  corrected: z.number(),
  wanted: z.number().nullable(),
});
export const clustersResponse = z.object({
  clusters: z.array(cluster),
  /** How clusterWatch looks at each model. */
  watch: z.array(
    z.object({
      model: z.string(),
      every_seconds: z.number(),
      window_days: z.number(),
      min_rows: z.number(),
      review_at: z.number(),
    }),
  ),
});
