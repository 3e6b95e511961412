import fastify, { LogController, type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { countReviewQueue, listReviewQueue } from '../correct/review-queue.ts';
import { RelearnError } from '../errors.ts';
import { addTags } from '../tag/tags.ts';
import { answerErrors, parseRequest, sendError } from './errors.ts';
import { guardRoutes, reviewScopes } from './keys-guard.ts';
import { serverLimits } from './limits.ts';
import { addCorrectionRoute } from './review-corrections.ts';
import { addErasureRoutes } from './review-erasures.ts';
import { addIncidentRoutes } from './review-incidents.ts';
import { findModel, type ReviewOptions } from './review-options.ts';
import { renderIndex } from './review-page.ts';
import { listVersions } from './review-queries.ts';
import { label, requestId } from './words.ts';

const queueQuery = z.object({
  model: z.string().optional(),
  incident: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).default(0),
});

const tagsRequest = z.object({ tag: label, request_ids: z.array(requestId).min(1).max(5000), operator: label });
const retrainRequest = z.object({ model: z.string(), operator: label });

const bodyLimitBytes = 16 * 1024 * 1024;

/**
 * The review API: what waits for a correction, and the ways to correct, tag, report drift and ask for a retrain.
 * Builds, does not listen. Without keys it answers loopback and the configured host only.
 */
export function buildReview(options: ReviewOptions): FastifyInstance {
  const { config, db, signal, logger, keys } = options;
  const app = fastify({
    ...serverLimits(config.console),
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
  });
  const models = Object.keys(config.models);
  answerErrors(app, ['the routes listed at /']);
  guardRoutes(app, { keys, scopes: reviewScopes, server: config.console });

  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(renderIndex(models)));
  app.get('/healthz', () => ({ status: 'ok' }));

  app.get('/api/review', async (request) => {
    const query = parseRequest(queueQuery, request.query);
    const [rows, waiting] = await Promise.all([listReviewQueue(db, query), countReviewQueue(db, query)]);
    return { rows, waiting };
  });

  addCorrectionRoute(app, options);
  addIncidentRoutes(app, options);
  addErasureRoutes(app, options);

  app.post('/api/tags', async (request) => {
    const { tag, request_ids: requestIds, operator } = parseRequest(tagsRequest, request.body);
    return addTags(db, { tag, requestIds, source: 'operator', actor: operator });
  });

  app.post('/api/retrain', async (request, reply) => {
    const { model, operator } = parseRequest(retrainRequest, request.body);
    findModel(config, model);
    try {
      await signal.triggerRetrain(model, { kind: 'manual', by: operator });
    } catch (cause) {
      throw new RelearnError('temporal_unavailable', 'The retrain was not asked for. Is Temporal running? Try again.', {
        cause,
      });
    }
    return reply.code(202).send({ model, triggered: true });
  });

  app.get('/api/models', async () => {
    const versions = await listVersions(db, models);
    return {
      models: models.map((model) => {
        const own = versions.filter((version) => version.model === model);
        return {
          model,
          champion: own.find((version) => version.champion_since !== null)?.version ?? null,
          gates: config.models[model]?.evals?.gates ?? [],
          versions: own,
        };
      }),
    };
  });
  return app;
}
