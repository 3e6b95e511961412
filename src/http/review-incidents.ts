import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RelearnError } from '../errors.ts';
import { listRegressions } from '../watch/regressions.ts';
import { parseRequest } from './errors.ts';
import { listIncidents, type IncidentSummary } from './review-queries.ts';
import type { ReviewOptions } from './review-options.ts';
import { label } from './words.ts';

const incidentsQuery = z.object({
  model: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

/** `GET /api/incidents` and `GET /api/incidents/:id`. */
export function addIncidentRoutes(app: FastifyInstance, { config, db }: ReviewOptions): void {
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
    if (incident !== undefined) return { ...show(incident), gold_cases: await listRegressions(db, id) };
    throw new RelearnError('incident_not_found', 'No such incident. GET /api/incidents lists them.');
  });
}
