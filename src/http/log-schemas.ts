import { z } from 'zod';
import { label, requestId } from './words.ts';

/** What the log's routes take and give: the server and the page share these. */

export const keptBecause = z.enum(['low_confidence', 'flagged', 'drift_window', 'post_drift', 'healthy']);
/** Stands anywhere in prompt or response, whatever its case. */
export const searchText = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !text.includes('\0'), 'wanted text');
const given = z.iso.datetime({ offset: true, error: 'wanted a time, such as 2026-01-31T12:00:00Z' });
const logprob = z.coerce.number({ error: 'wanted a log-probability, such as -0.7' }).max(0, 'wanted 0 or less');

/** What the page's address holds, too. An empty value narrows nothing. */
const filter = {
  model: z.string().min(1),
  from: given.optional(),
  to: given.optional(),
  version: label.optional(),
  tag: label.optional(),
  /** The key of a cluster, such as `cluster/7`. */
  cluster: label.optional(),
  kept_because: keptBecause.optional(),
  logprob_from: logprob.optional(),
  logprob_below: logprob.optional(),
  text: searchText.optional(),
};
const isOrdered = ({ from, to }: { from?: string | undefined; to?: string | undefined }) =>
  from === undefined || to === undefined || Date.parse(from) < Date.parse(to);
const order = { path: ['to'], message: 'wanted a time after from' };

export const logFilter = z.strictObject(filter).refine(isOrdered, order);
/** Where an answer ended; opaque. */
const cursor = z
  .string()
  .max(300)
  .transform((text) => ({ at: text.slice(0, 27), requestId: text.slice(28) }))
  .pipe(z.object({ at: z.iso.datetime({ precision: 6, error: 'wanted the next of an answer' }), requestId }));
export const logQuery = z
  .strictObject({
    ...filter,
    after: cursor.optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
  })
  .refine(isOrdered, order);
export const exportQuery = z
  .strictObject({ ...filter, format: z.enum(['jsonl', 'csv']).default('jsonl') })
  .refine(isOrdered, order);
export const facetsQuery = z.object({ model: z.string() });
export const rowQuery = z.object({ request_id: requestId });

const time = z.iso.datetime();
export const listedRow = z.object({
  request_id: z.string(),
  ts: time,
  model_version: z.string(),
  prompt: z.string(),
  response: z.string(),
  response_logprob: z.number().nullable(),
  kept_because: z.string(),
  tags: z.array(z.string()),
  corrected_by: z.string().nullable(),
});
export const logResponse = z.object({
  rows: z.array(listedRow),
  /** Ask on with it as `after`; null at the end. */
  next: z.string().nullable(),
  /** With fewer rows than asked for: how far back was looked in the time there is; null for all the way. */
  looked_back_to: time.nullable(),
});
export const logCountResponse = z.object({
  rows: z.number(),
  /** There are more, or may be: counted to 10,000, and as far back as the time there is allowed. */
  more: z.boolean(),
  looked_back_to: time.nullable(),
});
export const facetsResponse = z.object({
  versions: z.array(z.string()),
  /** Counted to 1,000. */
  tags: z.array(z.object({ tag: z.string(), rows: z.number() })),
});
export const rowResponse = z.object({
  request_id: z.string(),
  ts: time,
  model: z.string(),
  model_version: z.string(),
  prompt: z.string(),
  response: z.string(),
  latency_ms: z.number(),
  user_id_hash: z.string().nullable(),
  response_logprob: z.number().nullable(),
  source: z.string(),
  /** Null while it is in the hot window only. */
  kept_because: z.string().nullable(),
  inclusion_probability: z.number(),
  feedback: z.array(z.object({ kind: z.string(), comment: z.string().nullable(), at: time })),
  tags: z.array(
    z.object({
      at: time,
      change: z.enum(['added', 'removed']),
      tag: z.string(),
      incident: z.string(),
      source: z.string(),
      actor: z.string().nullable(),
    }),
  ),
  corrections: z.array(
    z.object({
      id: z.string(),
      completion: z.string(),
      operator: z.string(),
      source: z.string(),
      verified: z.boolean(),
      withdrawn_at: time.nullable(),
      at: time,
    }),
  ),
  /** Datasets that hold it, with the versions made from them. */
  learned: z.array(
    z.object({
      dataset: z.string(),
      split: z.enum(['train', 'held_out', 'duplicate']),
      versions: z.array(z.object({ version: z.string(), champion: z.boolean(), tainted: z.boolean() })),
    }),
  ),
});

/** Of `POST /api/tags` with a filter. */
export const taggedResponse = z.object({ rows: z.number() });
