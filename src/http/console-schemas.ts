import { z } from 'zod';
import { label } from './words.ts';

/** What the console's routes take and give, beside the review queue's: the server and the page share these. */

const time = z.iso.datetime();
const share = z.number().min(0).max(1);

export const sessionRequest = z.object({ key: z.string().trim().min(1).max(200) });
export const role = z.enum(['view', 'review', 'operate', 'admin']);
/** `name` and `role` are null for who is not signed in. */
export const sessionResponse = z.object({
  keys: z.boolean(),
  name: z.string().nullable(),
  role: role.nullable(),
  csrf: z.string().nullable(),
});

export const decisionRequest = z.object({ operator: label, reason: z.string().trim().min(1).max(2000) });
export const askedResponse = z.object({ asked: z.string() });
export const retrainRequest = z.object({ model: z.string(), operator: label });
export const labelsQuery = z.object({ model: z.string() });
/** Empty for a model that writes text. */
export const labelsResponse = z.object({ labels: z.array(z.string()) });

export const redactRequest = z.object({ text: z.string().max(100_000) });
export const redactResponse = z.object({ text: z.string() });

export const stepNames = ['log', 'watch', 'correct', 'retrain', 'gate', 'promote'] as const;
const step = z.object({
  step: z.enum(stepNames),
  /** `waiting`: for a person. `alarm`: something is wrong. `unknown`: it cannot be told. */
  state: z.enum(['idle', 'active', 'waiting', 'alarm', 'unknown']),
  count: z.string(),
  says: z.string(),
});
const monitor = z.object({
  monitor: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  /** Its statistic (a logarithm) as a share of what raises an alarm; null when it compared nothing. */
  evidence: share.nullable(),
  at: time,
});
const run = z.object({
  n: z.number(),
  state: z.string(),
  /** Of a run under way, as its workflow says; null when Temporal does not answer. */
  phase: z.string().nullable(),
  candidate: z.string().nullable(),
  reason: z.string().nullable(),
  started_at: time,
});
const overviewModel = z.object({
  model: z.string(),
  champion: z.object({ version: z.string(), since: time }).nullable(),
  challenger: z.object({ version: z.string(), share }).nullable(),
  incident: z
    .object({ id: z.string(), state: z.string(), counted: z.number(), wanted: z.number(), text: z.string() })
    .nullable(),
  run: run.nullable(),
  waiting: z.number(),
  steps: z.array(step),
  monitors: z.array(monitor),
  /** Where the loop is now; null when nothing is known of it. */
  current: z.enum(stepNames).nullable(),
  /** The last 24 h in parts of 15 minutes. Shares are null where nothing was asked or looked at. */
  trend: z.array(
    z.object({
      at: time,
      requests: z.number(),
      lowConfidence: z.number().nullable(),
      negative: z.number().nullable(),
      gold: share.nullable(),
      healthy: z.number().nullable(),
      evidence: share.nullable(),
    }),
  ),
  marks: z.array(z.object({ at: time, kind: z.enum(['version', 'incident']), name: z.string() })),
});
export const overviewResponse = z.object({ models: z.array(overviewModel) });

const certificate = z.object({
  kind: z.string(),
  passed: z.boolean(),
  issued_at: z.string(),
  /** As signed; one of another release may hold other things. */
  content: z.unknown(),
});
export const modelsResponse = z.object({
  models: z.array(
    z.object({
      model: z.string(),
      champion: z.string().nullable(),
      versions: z.array(
        z.object({
          version: z.string(),
          kind: z.string(),
          dataset: z.string().nullable(),
          parent: z.string().nullable(),
          run: z.number().nullable(),
          created_at: time,
          champion_since: time.nullable(),
          certificate: certificate.nullable(),
        }),
      ),
    }),
  ),
});
/** The numbers of a certificate that the page draws. */
export const certificateView = z.object({
  champion: z.string().nullable(),
  slices: z.array(
    z.object({ slice: z.string(), cases: z.number(), passed: z.number(), championPassed: z.number().nullable() }),
  ),
  verdict: z
    .object({ gates: z.array(z.object({ outcome: z.string(), required: z.boolean(), reason: z.string() })) })
    .nullable(),
});
