import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import { workflowId } from '../temporal.ts';
import { effectOf } from '../watch/effect-size.ts';
import { getIncident, incidentProgress } from '../watch/incidents.ts';
import { listRegressions } from '../watch/regressions.ts';
import { parseRequest } from './errors.ts';
import { createGoldTexts } from './gold-texts.ts';
import {
  listIncidentClusters,
  listIncidents,
  listIncidentVerdicts,
  listReviewers,
  type IncidentSummary,
  type Look,
} from './incident-queries.ts';
import { listIncidentEvents } from './incident-timeline.ts';
import { listAudit } from './review-queries.ts';
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
export function addIncidentRoutes(app: FastifyInstance, { config, db, signal, temporalUi }: ReviewOptions): void {
  const goldTexts = createGoldTexts();

  function show(incident: IncidentSummary) {
    const wanted = config.models[incident.model]?.retrain.minCorrected ?? null;
    return { ...incident, wanted, progress: `${incident.counted} of ${wanted ?? 'unknown'} corrected` };
  }

  app.get('/api/incidents', async (request) => {
    const incidents = await listIncidents(db, parseRequest(incidentsQuery, request.query));
    return { incidents: incidents.map(show) };
  });

  const workflowUrl = ({ model, id }: IncidentSummary) => {
    if (temporalUi === undefined) return null;
    const workflow = encodeURIComponent(workflowId.driftResponse(model, id));
    const { url, namespace } = temporalUi;
    return `${url.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${workflow}`;
  };
  const showLook = (look: Look | null) => {
    if (look === null) return null;
    const { state, at, figures } = look;
    const reason = typeof figures['reason'] === 'string' ? figures['reason'] : null;
    return { state, at: new Date(at), reason, effect: effectOf(figures) };
  };

  app.get('/api/incidents/:id', async (request) => {
    const { id } = parseRequest(z.object({ id: label }), request.params);
    const [incident] = await listIncidents(db, { id, limit: 1 });
    if (incident === undefined) {
      throw new RelearnError('incident_not_found', 'No such incident. GET /api/incidents lists them.');
    }
    const [{ rows, corrected, counted, disagreements }, goldCases, verdicts, timeline, reviewers, clusters, audit] =
      await Promise.all([
        incidentProgress(db, id),
        listRegressions(db, id),
        listIncidentVerdicts(db, id),
        listIncidentEvents(db, id),
        listReviewers(db, id),
        listIncidentClusters(db, id),
        listAudit(db, id),
      ]);
    const flipped = goldCases.regressions.map(({ case: name }) => name);
    const texts = await goldTexts(config.models[incident.model]?.drift.gold, flipped);
    const regressions = goldCases.regressions.map((each) => ({
      ...each,
      ...(texts.get(each.case) ?? { prompt: null, wanted: null }),
    }));
    const monitors = verdicts
      .filter(({ before, latest }) => before !== null || latest !== null)
      .map(({ monitor, before, latest }) => ({ monitor, then: showLook(before), now: showLook(latest) }));
    return {
      ...show({ ...incident, corrected, counted }),
      ...{ rows, disagreements, monitors, timeline, reviewers, clusters, audit },
      gold_cases: { ...goldCases, regressions },
      workflow_url: workflowUrl(incident),
    };
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
