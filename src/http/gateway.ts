import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { newRequestId } from '../log/request-id.ts';
import type { Answerer } from '../serve/answer.ts';
import { hangUp, newCaller, type Caller } from '../serve/caller.ts';
import type { Champions } from '../serve/champions.ts';
import type { AnswerLog } from '../serve/log-answer.ts';
import { answerDirectly } from './direct-chat.ts';
import { answerErrors, errorBody, parseRequest, sendError } from './errors.ts';
import { followDrift } from './drift-metrics.ts';
import { addFeedbackRoute } from './feedback.ts';
import type { Keys } from './keys-follow.ts';
import { gatewayScopes, guardRoutes } from './keys-guard.ts';
import { serverLimits } from './limits.ts';
import { createGatewayMetrics } from './metrics.ts';
import { observeRequests } from './observe.ts';
import { addSimpleChatRoute } from './simple-chat.ts';
import { closeUnusedConnections } from './unused-connections.ts';
import { addChatCompletionsRoute } from './chat-completions.ts';
import { modelObject } from './openai.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it was sent, when it is JSON. */
    bodyText: string;
  }
}

export interface GatewayOptions {
  config: Config;
  answerer: Answerer;
  champions: Champions;
  db: Database;
  log: Pick<AnswerLog, 'counts' | 'flush' | 'tally'>;
  hashKey: string;
  logger: FastifyBaseLogger;
  /** Left out: requests need no key. */
  keys?: Keys | undefined;
}

const routes = [
  'POST /v1/chat/completions',
  'POST /chat',
  'POST /v1/feedback',
  'GET /v1/models',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
];

/**
 * The gateway: OpenAI's chat API in front of the champions, and feedback. Builds, does not listen. Nothing but the
 * model is awaited between a request and its answer.
 */
export function buildGateway({
  config,
  answerer,
  champions,
  db,
  log,
  hashKey,
  logger,
  keys,
}: GatewayOptions): FastifyInstance {
  const bodyLimit = config.gateway.bodyLimitKb * 1024;
  const app = fastify({
    ...serverLimits(config.gateway),
    loggerInstance: logger,
    // Given on arrival: whatever becomes of the request, its lines and its answer name it.
    genReqId: () => newRequestId(),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }), // paths and headers may hold a user's text
    bodyLimit,
    frameworkErrors: (error, request, reply) => void sendError(reply.header('x-request-id', request.id), error),
  });
  const models = Object.keys(config.models);
  const metrics = createGatewayMetrics({
    log: () => log.counts(),
    tally: () => log.tally(),
    missing: () => champions.missing(),
    inFlight: () => guard.inFlight(),
    drift: followDrift(db, models),
  });

  answerErrors(app, routes);
  observeRequests(app, metrics);
  const guard = guardRoutes(app, { keys, scopes: gatewayScopes, server: config.gateway });
  app.decorateRequest('bodyText', '');
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    request.bodyText = body;
    return parseJson(request, body, done);
  });

  function callerOf(reply: FastifyReply): Caller {
    const caller = newCaller();
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) hangUp(caller);
    });
    return caller;
  }

  addChatCompletionsRoute(app, { models, answerer, callerOf });

  if (Object.values(config.models).some(({ serve }) => serve.kind === 'upstream')) {
    answerDirectly(app, { models, bodyLimit, answerer, guard, metrics, logger });
  }
  closeUnusedConnections(app);

  addSimpleChatRoute(app, { models, answerer, callerOf });

  addFeedbackRoute(app, { db, hashKey, flush: () => log.flush() });

  app.get('/v1/models', () => ({
    object: 'list',
    data: models.map((model) => modelObject(model, champions.get(model)?.since)),
  }));
  app.get('/v1/models/:model', (request) => {
    const { model } = parseRequest(z.object({ model: z.string() }), request.params);
    if (models.includes(model)) return modelObject(model, champions.get(model)?.since);
    throw new RelearnError('model_not_found', `No such model. Configured: ${models.join(', ')}.`);
  });

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => {
    const missing = champions.missing();
    if (missing.length === 0) return reply.send({ status: 'ready' });
    // Not thrown: a probe that asks every second is no reason to log.
    const error = new RelearnError(
      'model_not_ready',
      `No champion is loaded for ${missing.join(', ')}. Deploy one each.`,
    );
    return reply.code(error.status).send(errorBody(error));
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
