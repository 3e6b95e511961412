import { z } from 'zod';
import { requestId } from './words.ts';

/** What the routes answer that programs use, and the queries that they take as one of several. */

const time = z.iso.datetime();
const count = z.number();

export const healthResponse = z.object({ status: z.literal('ok') });
export const documentResponse = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) });
export const triggeredResponse = z.object({ model: z.string(), triggered: z.literal(true) });

const batchResponse = z.object({
  accepted: count,
  results: z.array(
    z.object({
      request_id: z.string(),
      status: z.enum(['stored', 'repeated', 'unknown_request', 'invalid']),
      id: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
  /** They are stored, but no workflow was told. */
  warning: z.string().optional(),
});
const importResponse = z.object({
  ...{ stored: count, repeated: count, unknown_request: count, invalid: count, empty: count },
  problems: z.array(z.object({ line: count, reason: z.string() })),
  warning: z.string().optional(),
});
/** The second for a stream. */
export const correctionsResponse = z.union([batchResponse, importResponse]);

/** One of the two. */
export const tagsQueryShown = z.object({ model: z.string().optional(), request_id: requestId.optional() });
const tagChange = z.object({
  ...{ at: time, change: z.enum(['added', 'removed']), tag: z.string(), incident: z.string(), source: z.string() },
  actor: z.string().nullable(),
});
export const tagsResponse = z.union([
  z.object({ tags: z.array(z.object({ tag: z.string(), rows: count })) }),
  z.object({ history: z.array(tagChange) }),
]);
/** By ids: what was done to each; by a filter: to how many. */
export const tagChangeResponse = z.union([
  z.object({ tagged: z.array(z.string()), unknown: z.array(z.string()) }),
  z.object({ removed: z.array(z.string()) }),
  z.object({ rows: count }),
]);

export const driftEventResponse = z.object({
  incident: z.string(),
  created: z.boolean(),
  state: z.enum(['open', 'collecting', 'retraining', 'grace', 'resolved', 'closed']),
  warning: z.string().optional(),
});

export const erasureStartedResponse = z.object({ user_id_hash: z.string() });
export const erasureResponse = z.object({
  requestedAt: time,
  finishedAt: time.nullable(),
  receipt: z
    .object({
      ...{ requests: count, deleted: z.record(z.string(), count), tainted: z.array(z.string()), deletedRuns: count },
      ...{ datasets: z.array(z.object({ id: z.string(), revision: z.string() })), retrains: z.array(z.string()) },
    })
    .nullable(),
});

export const takenResponse = z.object({ accepted: count });

export const errorResponse = z.object({
  error: z.object({
    ...{ message: z.string(), type: z.string(), code: z.string() },
    details: z.record(z.string(), z.string()).optional(),
  }),
});
