import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import { getIncident, incidentProgress } from '../watch/incidents.ts';
import { listRegressions } from '../watch/regressions.ts';
import { parseRequest } from './errors.ts';
import { listAudit, listIncidents, type IncidentSummary } from './review-queries.ts';
import type { ReviewOptions } from './review-options.ts';
import { label } from './words.ts';

const incidentsQuery = z.object({
  model: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

const decision = z.object({ operator: label, reason: z.string().trim().min(1).max(2000) });

/**
 * `GET /api/incidents`, `GET /api/incidents/:id`, and `POST` of `close` and `retrain` below it.
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
      const [{ disagreements }, goldCases, audit] = await Promise.all([
        incidentProgress(db, id),
        listRegressions(db, id),
        listAudit(db, id),
      ]);
      return { ...show(incident), disagreements, gold_cases: goldCases, audit };
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
      const redacted = {
        by,
        reason: await redactToStore((redact) => redact(reason)),
        ...(key === null ? {} : { key }),
      };
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
}
