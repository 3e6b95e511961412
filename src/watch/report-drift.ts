import { z } from 'zod';
import type { Actor } from '../audit.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { label } from '../http/words.ts';
import { redactToStore } from '../log/redact/index.ts';
import { getChampion } from '../promote/registry.ts';
import { getIncident, openIncident, type IncidentState } from './incidents.ts';

/** What a detector outside tells: `deployment_drift_detected`. */
export const driftEvent = z.object({
  event: z.literal('deployment_drift_detected').optional(),
  model: z.string(),
  event_id: label.describe("the detector's own id of what it saw: the same one again changes nothing"),
  detected_at: z.iso.datetime({ offset: true }).optional(),
  monitor: z
    .string()
    .regex(/^[\w.-]{1,60}$/, 'wanted letters, digits, "_", "." or "-", at most 60')
    .default('external'),
  reason: z.string().max(2000).optional(),
});

export interface ReportedDrift {
  incident: string;
  /** False: it joined the open incident, or was reported before. */
  created: boolean;
  state: IncidentState;
}

/** Clocks differ; a detection further ahead than this is a mistake that would shift the incident's window. */
const clockToleranceMs = 5 * 60_000;

/**
 * Stores drift that a detector outside has seen: opens an incident of the model's champion, or joins the open one;
 * idempotent by event id. The reason is redacted. Throws `model_not_found`, `model_not_ready` and `invalid_request`.
 */
export async function reportDrift(
  db: Database,
  config: Config,
  event: z.output<typeof driftEvent>,
  by?: Actor,
): Promise<ReportedDrift> {
  const model = Object.hasOwn(config.models, event.model) ? config.models[event.model] : undefined;
  if (model === undefined) {
    const known = Object.keys(config.models).join(', ');
    throw new RelearnError('model_not_found', `No such model. Configured: ${known}.`);
  }
  const { hotWindowHours } = config.log;
  const { windowHours } = model.drift;
  const detectedAt = event.detected_at === undefined ? new Date() : new Date(event.detected_at);
  if (detectedAt.getTime() > Date.now() + clockToleranceMs) {
    throw new RelearnError('invalid_request', 'detected_at: wanted a time that has been, not one to come.');
  }
  const oldestHours = Math.max(hotWindowHours, windowHours);
  if (detectedAt.getTime() < Date.now() - oldestHours * 3_600_000) {
    throw new RelearnError(
      'invalid_request',
      `detected_at: wanted a time within the last ${oldestHours} hours, whose rows are there.`,
    );
  }
  const champion = await getChampion(db, event.model);
  const { reason } = event;
  const { id, created } = await openIncident(db, {
    model: event.model,
    modelVersion: champion.version,
    monitor: event.monitor,
    detectedAt,
    eventId: event.event_id,
    figures: reason === undefined ? {} : { reason: await redactToStore((redact) => redact(reason)) },
    ...{ windowHours, hotWindowHours, by },
  });
  const { state } = await getIncident(db, id);
  return { incident: id, created, state };
}

/** Whether an incident still takes part in anything. */
export function isOver({ state }: Pick<ReportedDrift, 'state'>): boolean {
  return state === 'resolved' || state === 'closed';
}
