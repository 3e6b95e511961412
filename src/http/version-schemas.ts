import { z } from 'zod';
import { decisionRequest } from './console-schemas.ts';
import { label, requestId } from './words.ts';

/** What the routes of versions and of their lineage take and give: the server and the page share these. */

const time = z.iso.datetime();
const share = z.number().min(0).max(1);

const state = z.enum([
  ...([
    'champion',
    'canary',
    'waiting',
    'under_way',
    'rolled_back',
    'served_before',
    'refused',
    'inconclusive',
  ] as const),
  ...(['rejected', 'expired', 'superseded', 'failed', 'ready', 'registered'] as const),
]);
const trigger = z.object({
  kind: z.string(),
  incident: z.string().optional(),
  cluster: z.string().optional(),
  by: z.string().optional(),
});
/** Steps of a rollout; null where a version takes all traffic at once. */
const canary = z.object({ shares: z.array(share), step_minutes: z.number() }).nullable();

const versionSummary = z.object({
  version: z.string(),
  state,
  /** Part of the traffic; null for one that does not serve. */
  share: share.nullable(),
  since: time.nullable(),
  created_at: time,
  run: z.number().nullable(),
  triggers: z.array(trigger),
  parent: z.string().nullable(),
  dataset: z.string().nullable(),
  tainted_at: time.nullable(),
  certificate: z.object({ kind: z.string(), passed: z.boolean() }).nullable(),
});
const gate = z.object({
  slice: z.string(),
  outcome: z.enum(['passed', 'excused', 'failed', 'inconclusive', 'not_applicable']),
  required: z.boolean(),
  says: z.string(),
  compares: z.boolean(),
  missingCases: z.number().optional(),
});
/** What the gates decided of a candidate without a certificate, in plain words. */
const judgement = z.object({
  state: z.enum(['passed', 'failed', 'inconclusive']),
  headline: z.string(),
  gates: z.array(gate),
  facts: z.array(z.string()),
});
export const versionsQuery = z.object({
  /** `next` of the answer before. */
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const versionsResponse = z.object({
  model: z.string(),
  /** An ONNX file that Relearn serves, or an endpoint. */
  serve: z.enum(['onnx', 'upstream']),
  champion: z.string().nullable(),
  /** The candidate that waits for a person. */
  waiting: z.object({ run: z.number(), version: z.string(), judgement: judgement.nullable() }).nullable(),
  /** What a rollback takes from the traffic, and which version then answers all of it. */
  rollback: z.object({ from: z.string(), to: z.string() }).nullable(),
  canary,
  versions: z.array(versionSummary),
  next: z.number().nullable(),
});

const words = z.object({
  state: z.enum(['passed', 'failed', 'inconclusive', 'incumbent', 'unreadable']),
  headline: z.string(),
  gates: z.array(gate),
  facts: z.array(z.string()),
  signature: z.object({ state: z.enum(['good', 'bad', 'unchecked']), says: z.string() }),
});
const bound = z.number().nullable();
const sliceComparison = z.object({
  slice: z.string(),
  cases: z.number(),
  candidate: z.number(),
  champion: z.number(),
  difference: z.number(),
  lower: bound,
  upper: bound,
  margin: bound,
});
const lineageCount = z.object({
  name: z.string().nullable(),
  train: z.number(),
  held_out: z.number(),
  duplicate: z.number(),
});
const event = z.object({
  at: time,
  action: z.enum(['deploy', 'promote', 'rollback', 'taken_back', 'canary']),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  other: z.string().nullable(),
});
export const versionResponse = versionSummary.omit({ dataset: true }).extend({
  model: z.string(),
  kind: z.string(),
  champion: z.boolean(),
  artifact: z.string().nullable(),
  /** How the run that made it ended, in its own words. */
  run_reason: z.string().nullable(),
  /** The version that serves now. */
  serving: z.string().nullable(),
  rollback: z.object({ from: z.string(), to: z.string() }).nullable(),
  canary,
  /** Why a person may not let it serve; null when they may. */
  not_promotable: z.string().nullable(),
  words: words.nullable(),
  /** Of one without a certificate; null where nothing was decided, or by a release that did not keep it. */
  judgement: judgement.nullable(),
  comparison: z.object({ champion: z.string(), slices: z.array(sliceComparison) }).nullable(),
  history: z.array(event),
  /** As signed; one of another release may hold other things. Passed ones first. */
  certificates: z.array(z.looseObject({ id: z.string() })),
  dataset: z
    .object({
      id: z.string(),
      /** Another id after rows were erased from it. */
      revision: z.string(),
      created_at: time,
      manifest: z.looseObject({ trainRows: z.number(), heldOutRows: z.number() }),
    })
    .nullable(),
  operators: z.array(lineageCount),
  incidents: z.array(lineageCount),
});

const lineageRow = z.object({
  request_id: z.string(),
  correction_id: z.string(),
  split: z.enum(['train', 'held_out', 'duplicate']),
  incident: z.string().nullable(),
  /** Null when the correction was erased. */
  operator: z.string().nullable(),
  corrected_at: time.nullable(),
});
export const lineageRowsQuery = z.object({
  after: requestId.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});
export const lineageRowsResponse = z.object({ rows: z.array(lineageRow), next: z.string().nullable() });
export const lineageQuery = z.object({ request_id: requestId });
export const lineageResponse = z.object({
  learned_from: z.array(
    lineageRow.extend({
      model: z.string(),
      dataset: z.string(),
      revised_by: z.string().nullable(),
      versions: z.array(z.object({ version: z.string(), champion: z.boolean(), tainted: z.boolean() })),
    }),
  ),
});

/** `version`: what the person saw serving. It is refused when another serves meanwhile. */
export const rollbackRequest = decisionRequest.extend({ version: label.optional() });
/** `champion`: what the person saw serving; null for none. */
export const promoteRequest = decisionRequest.extend({ champion: label.nullish() });
