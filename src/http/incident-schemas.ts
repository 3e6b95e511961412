import { z } from 'zod';

/** What the routes of incidents give: the server and the page share these. */

const time = z.iso.datetime();

const figures = z.record(z.string(), z.unknown());
export const incidentSummary = z.object({
  id: z.string(),
  model: z.string(),
  model_version: z.string(),
  monitor: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  detected_at: time,
  window_start: time,
  collecting_until: time.nullable(),
  closed_at: time.nullable(),
  figures,
  /** In a list of those said while it was open. */
  corrected: z.number(),
  /** Those whose correction differs from the response. */
  counted: z.number(),
  wanted: z.number().nullable(),
  progress: z.string(),
});
export const incidentsResponse = z.object({ incidents: z.array(incidentSummary) });

const event = z.object({
  at: time,
  kind: z.string(),
  who: z.string().nullable(),
  /** A version, a run, a state: what it was about. */
  name: z.string().nullable(),
  reason: z.string().nullable(),
});

const effect = z.object({
  of: z.enum(['pass rate', 'share']),
  usual: z.number(),
  now: z.number(),
  /** In shares. */
  worse: z.number(),
  size: z.enum(['slight', 'small', 'medium', 'large']),
});
const look = z.object({ state: z.string(), at: time, reason: z.string().nullable(), effect: effect.nullable() });

const regression = z.object({
  case: z.string(),
  failed: z.number(),
  asked: z.number(),
  baseline_failed: z.number(),
  baseline_asked: z.number(),
  /** Redacted; null for a case that the gold set's file does not hold (any more). */
  prompt: z.string().nullable(),
  /** The label that is asked for, where there is one. */
  wanted: z.string().nullable(),
});

export const incidentResponse = incidentSummary.extend({
  /** Tagged rows. */
  rows: z.number(),
  disagreements: z.number(),
  /** What each monitor said at the detection, and what it says of the same version now. */
  monitors: z.array(z.object({ monitor: z.string(), then: look.nullable(), now: look.nullable() })),
  gold_cases: z.object({ probes: z.number(), regressions: z.array(regression), improved: z.number() }),
  timeline: z.array(event),
  reviewers: z.array(z.object({ operator: z.string(), rows: z.number(), last_at: time, disagreements: z.number() })),
  /** What its waiting rows are about, the largest first. */
  clusters: z.array(
    z.object({ rows: z.number(), cards: z.number(), terms: z.string().nullable(), example: z.string() }),
  ),
  audit: z.array(
    z.object({ at: time, actor: z.string(), action: z.string(), details: z.record(z.string(), z.unknown()) }),
  ),
  /** The response's workflow in the Temporal UI; null where its address is not known. */
  workflow_url: z.string().nullable(),
});
