import { z } from 'zod';
import { label, requestId } from './words.ts';

/** What the review queue's routes take and give: the server checks requests with these, a page its answers. */

const narrowing = {
  incident: z.string().optional(),
  tag: z.string().optional(),
  /** The key of a cluster, such as `cluster/7`. */
  cluster: z.string().optional(),
};
const filter = { model: z.string().optional(), ...narrowing };
const lease = z.uuid();
const minutes = z
  .number()
  .int()
  .min(1)
  .max(24 * 60);
const held = { operator: label, lease, request_id: requestId };
const applyTo = z.union([z.enum(['row', 'fold']), z.array(requestId).min(1).max(2000)]).default('row');

export const queueQuery = z.object({
  ...filter,
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
});
export const stateQuery = z.object({ model: z.string(), ...narrowing });
export const cardsQuery = z.object({ ...filter, limit: z.coerce.number().int().min(1).max(100).default(20) });

export const nextRequest = z.object({
  ...filter,
  operator: label,
  /** Cards to hold: one to answer, or more to fetch ahead. */
  count: z.number().int().min(1).max(10).default(1),
  /** Leases that the page shows already; others that the reviewer holds come back first. */
  held: z.array(lease).max(100).default([]),
  lease_minutes: minutes.default(10),
});
/** `request_id`, of the card's first row, lets a refusal say who took the card over. */
export const renewRequest = z.object({
  ...{ operator: label, lease, lease_minutes: minutes.default(10) },
  request_id: requestId.optional(),
});
export const releaseRequest = z.object({ operator: label, lease });
export const answerRequest = z
  .object({ ...held, completion: z.string().optional(), right: z.literal(true).optional(), apply_to: applyTo })
  .refine(({ completion, right }) => (completion === undefined) !== (right === undefined), {
    path: ['completion'],
    message: 'wanted a completion, or "right": true for a response that was right',
  });
export const skipRequest = z.object({ ...held, minutes: minutes.default(60) });
export const removeRequest = z.object({ ...held, apply_to: applyTo });
export const undoRequest = z.object({ operator: label, lease_minutes: minutes.default(10) });

const time = z.iso.datetime();
/** Of a 409 `review_conflict` where someone came first. */
export const conflictDetails = z.object({
  what: z.enum(['answered', 'removed', 'holds']),
  operator: z.string(),
  at: time,
});
/** What people said of a row, the latest first: that one counts. */
export const saidQuery = z.object({ request_id: requestId });
export const saidResponse = z.object({
  said: z.array(z.object({ operator: z.string(), completion: z.string(), at: time })),
});
/** Of `POST /api/corrections` with one correction. */
export const correctionResponse = z.object({
  accepted: z.number(),
  results: z.array(z.object({ request_id: z.string(), status: z.string(), reason: z.string().optional() })),
});
export const reviewRow = z.object({
  request_id: z.string(),
  ts: time,
  model: z.string(),
  model_version: z.string(),
  prompt: z.string(),
  response: z.string(),
  response_logprob: z.number().nullable(),
  tags: z.array(z.string()),
  incident: z.string().nullable(),
});
export const suggestion = z.discriminatedUnion('source', [
  z.object({
    source: z.literal('stronger_model'),
    completion: z.string(),
    proposer: z.string(),
    agreed: z.boolean(),
    judged: z.boolean(),
    reason: z.string(),
  }),
  z.object({
    source: z.literal('nearest_correction'),
    completion: z.string(),
    request_id: z.string(),
    operator: z.string(),
    similarity: z.number(),
  }),
]);
const card = reviewRow.extend({ answers: z.number(), others: z.array(reviewRow), suggestions: z.array(suggestion) });
const progress = z
  .object({ incident: z.string(), counted: z.number(), wanted: z.number(), text: z.string() })
  .nullable();
const heldCard = z.object({ lease, until: time, card });

export const queueResponse = z.object({ rows: z.array(reviewRow), waiting: z.number() });
export const cardsResponse = z.object({
  cards: z.array(card.extend({ holder: z.object({ operator: z.string(), until: time }).nullable() })),
  waiting: z.number(),
});
export const stateResponse = z.object({
  waiting: z.number(),
  /** Of the model's open incident. */
  progress,
  /** Of the cluster that was asked for; null for one that is gone. */
  cluster: z
    .object({ tag: z.string(), name: z.string(), corrected: z.number(), wanted: z.number(), under_review: z.boolean() })
    .nullable(),
  /** Who holds cards now or answered some within the hour. */
  reviewers: z.array(z.object({ operator: z.string(), holds: z.number(), answered: z.number() })),
});
/** `progress` is of the model asked for: of its open incident. */
export const nextResponse = z.object({ cards: z.array(heldCard), waiting: z.number(), progress });
export const renewResponse = z.object({ lease, until: time });
export const answerResponse = z.object({
  action: z.string(),
  accepted: z.number(),
  results: z.array(z.object({ request_id: z.string(), status: z.string(), id: z.string() })),
  progress,
  warning: z.string().optional(),
});
/** Of a route that answers 204, as the page reads it. */
export const nothing = z.null();
export const actionResponse = z.object({ action: z.string() });
export const undoResponse = z.object({
  undone: z.enum(['answer', 'skip', 'remove']),
  cards: z.array(heldCard),
  progress,
});
