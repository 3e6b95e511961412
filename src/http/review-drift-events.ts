import type { FastifyInstance } from 'fastify';
import { errorMessage } from '../errors.ts';
import { driftEvent, isOver, reportDrift } from '../watch/report-drift.ts';
import { parseRequest } from './errors.ts';
import { actorOf, type ReviewOptions } from './review-options.ts';

/** `POST /api/drift-events`: a detector outside has seen drift. */
export function addDriftEventRoute(app: FastifyInstance, { config, db, signal }: ReviewOptions): void {
  app.post('/api/drift-events', async (request, reply) => {
    const event = parseRequest(driftEvent, request.body);
    const reported = await reportDrift(db, config, event, actorOf(request, event.monitor));
    if (isOver(reported)) return reported;
    try {
      // Also for an event seen before: the first time, Temporal may not have answered.
      await signal.startDriftResponse(event.model, reported.incident);
    } catch (error) {
      const { incident } = reported;
      request.log.warn({ incident, error: errorMessage(error) }, 'the incident is open, but driftResponse is not');
      const warning =
        'The incident is stored, but its driftResponse did not start. Is Temporal running? Send the event again later.';
      return reply.code(202).send({ ...reported, warning });
    }
    return reported;
  });
}
