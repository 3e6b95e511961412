import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { errorMessage, RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import { getChampion } from '../promote/registry.ts';
import { getIncident, incidentProgress, openIncident } from '../watch/incidents.ts';
import { parseRequest } from './errors.ts';
import { listAudit, listIncidents, type IncidentSummary } from './review-queries.ts';
import { actorOf, findModel, type ReviewOptions } from './review-options.ts';
import { label } from './words.ts';

const incidentsQuery = z.object({
  model: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

/** Clocks differ; a detection further ahead than this is a mistake that would shift the incident's window. */
const clockToleranceMs = 5 * 60_000;

const driftEvent = z.object({
  model: z.string(),
  event_id: label,
  detected_at: z.iso.datetime({ offset: true }).optional(),
  monitor: z
    .string()
    .regex(/^[\w.-]{1,60}$/, 'wanted letters, digits, "_", "." or "-"')
    .default('external'),
  reason: z.string().max(2000).optional(),
});

const decision = z.object({ operator: label, reason: z.string().trim().min(1).max(2000) });

/**
 * `GET /api/incidents`, `GET /api/incidents/:id`, `POST` of `close` and `retrain` below it, and `POST /api/drift-events`.
 * Who closes an incident, or wants its retrain early, says why; the workflow writes it into the audit when it does so.
 */
export function addIncidentRoutes(app: FastifyInstance, { config, db, signal }: ReviewOptions): void {
  function show(incident: IncidentSummary) {
    const wanted = config.models[incident.model]?.retrain.minCorrected ?? null;
    return { ...incident, wanted, progress: `${incident.counted} of ${wanted ?? 'unknown'} corrected` };
  }

  app.get('/api/incidents', async (request) => {
    const incidents = await listIncidents(db, parseRequest(incidentsQuery, request.query));
    return { incidents: incidents.map(show) };
  });

  app.get('/api/incidents/:id', async (request) => {
    const { id } = parseRequest(z.object({ id: label }), request.params);
    const [incident] = await listIncidents(db, { id, limit: 1 });
    if (incident !== undefined) {
      const [{ disagreements }, audit] = await Promise.all([incidentProgress(db, id), listAudit(db, id)]);
      return { ...show(incident), disagreements, audit };
    }
    throw new RelearnError('incident_not_found', 'No such incident. GET /api/incidents lists them.');
  });

  const decide = (path: string, name: 'closeReview' | 'retrainNow') =>
    app.post(`/api/incidents/:id/${path}`, async (request, reply) => {
      const { id } = parseRequest(z.object({ id: label }), request.params);
      const { operator: by, reason } = parseRequest(decision, request.body);
      const { model, state } = await getIncident(db, id);
      if (state === 'resolved' || state === 'closed') {
        throw new RelearnError('incident_not_open', `Incident ${id} is ${state} already. Wanted an open one.`);
      }
      const key = request.keyName;
      const redacted = { by, reason: redactText(reason).text, ...(key === null ? {} : { key }) };
      try {
        await signal.decide(model, id, name, redacted);
      } catch (cause) {
        throw new RelearnError('temporal_unavailable', 'driftResponse was not told. Is Temporal running? Try again.', {
          cause,
        });
      }
      return reply.code(202).send({ incident: id, asked: path });
    });
  decide('close', 'closeReview');
  decide('retrain', 'retrainNow');

  app.post('/api/drift-events', async (request, reply) => {
    const event = parseRequest(driftEvent, request.body);
    const model = findModel(config, event.model);
    const detectedAt = event.detected_at === undefined ? new Date() : new Date(event.detected_at);
    if (detectedAt.getTime() > Date.now() + clockToleranceMs) {
      throw new RelearnError('invalid_request', 'detected_at: wanted a time that has been, not one to come.');
    }
    const oldestMs = Math.max(config.log.hotWindowHours, model.drift.windowHours) * 3_600_000;
    if (detectedAt.getTime() < Date.now() - oldestMs) {
      const hours = oldestMs / 3_600_000;
      throw new RelearnError(
        'invalid_request',
        `detected_at: wanted a time within the last ${hours} hours, whose rows are there.`,
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
      windowHours: model.drift.windowHours,
      hotWindowHours: config.log.hotWindowHours,
      by: actorOf(request, event.monitor),
    });
    const { state } = await getIncident(db, id);
    if (state === 'resolved' || state === 'closed') return { incident: id, created, state };
    try {
      // Also for an event seen before: the first time, Temporal may not have answered.
      await signal.startDriftResponse(event.model, id);
    } catch (error) {
      request.log.warn({ incident: id, error: errorMessage(error) }, 'the incident is open, but driftResponse is not');
      const warning =
        'The incident is stored, but its driftResponse did not start. Is Temporal running? Send the event again later.';
      return reply.code(202).send({ incident: id, created, state, warning });
    }
    return { incident: id, created, state };
  });
}
