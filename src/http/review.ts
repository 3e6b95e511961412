import fastify, { LogController, type FastifyInstance } from 'fastify';
import { createQueueFiller } from '../correct/queue-fill.ts';
import { errorMessage, RelearnError } from '../errors.ts';
import { addCodecRoutes, isAskedByUi, noPayloadKeys } from './codec-routes.ts';
import { addConsoleFiles } from './console-files.ts';
import { addOverviewRoutes } from './console-overview.ts';
import { retrainRequest } from './console-schemas.ts';
import { answerErrors, parseRequest, sendError } from './errors.ts';
import { addEventRoute } from './events.ts';
import { guardRoutes, reviewScopes } from './keys-guard.ts';
import { addLabelStudioWebhook } from './label-studio-webhook.ts';
import { serverLimits } from './limits.ts';
import { addLogRoutes } from './log-routes.ts';
import { addOpenApiRoute } from './openapi.ts';
import { addClusterRoute } from './review-clusters.ts';
import { addCorrectionRoute } from './review-corrections.ts';
import { addDriftEventRoute } from './review-drift-events.ts';
import { addErasureRoutes } from './review-erasures.ts';
import { addIncidentRoutes } from './review-incidents.ts';
import { addRedactRoute } from './redact-route.ts';
import { findModel, type ReviewOptions } from './review-options.ts';
import { addQueueRoutes } from './review-queue-routes.ts';
import { listVersions } from './review-queries.ts';
import { addTagRoutes } from './review-tags.ts';
import { addRunRoutes } from './run-routes.ts';
import { addSessionRoutes } from './session-routes.ts';
import { createSessions } from './sessions.ts';
import { addVersionRoutes } from './review-versions.ts';

const bodyLimitBytes = 16 * 1024 * 1024;

/**
 * The review API: what waits for a correction, and the ways to correct, tag, report drift and ask for a retrain.
 * Builds, does not listen. Without keys it answers loopback and the configured host only.
 */
export function buildReview(options: ReviewOptions): FastifyInstance {
  const { config, db, signal, logger, keys, payloads = noPayloadKeys } = options;
  const app = fastify({
    ...serverLimits(config.console),
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
  });
  const models = Object.keys(config.models);
  answerErrors(app, ['the console at /, and what /api/openapi.json describes']);
  const sessions = keys === undefined ? undefined : createSessions(db, keys);
  const mayAskFromElsewhere = isAskedByUi(payloads.uiOrigins);
  guardRoutes(app, { keys, scopes: reviewScopes, server: config.console, sessions, mayAskFromElsewhere });

  const noteUnfilled = (error: unknown) =>
    app.log.warn({ error: errorMessage(error) }, 'the review queue was not filled');
  const filler = createQueueFiller(db, models, noteUnfilled, options.queuePatienceMs);
  app.addHook('onClose', () => filler.close());

  addConsoleFiles(app);
  addSessionRoutes(app, keys, sessions);
  app.get('/healthz', () => ({ status: 'ok' }));

  const forgetQueue = addQueueRoutes(app, options, filler);
  addCorrectionRoute(app, options);
  addIncidentRoutes(app, options);
  addTagRoutes(app, options);
  addDriftEventRoute(app, options);
  addClusterRoute(app, options);
  addLogRoutes(app, options);
  addLabelStudioWebhook(app, options);
  addErasureRoutes(app, options);
  const forgetOverview = addOverviewRoutes(app, options, filler);
  addRunRoutes(app, options);
  addEventRoute(app, db, () => {
    forgetQueue();
    forgetOverview();
  });
  addRedactRoute(app);
  addOpenApiRoute(app);
  addVersionRoutes(app, options);
  addCodecRoutes(app, payloads);

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
