import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { LogTally } from '../log/log-tally.ts';
import type { LogWriter } from '../log/writer.ts';
import type { Answerer } from '../serve/answer.ts';
import type { Champions } from '../serve/champions.ts';
import { answerErrors, errorBody, parseRequest, sendError } from './errors.ts';
import { addFeedbackRoute } from './feedback.ts';
import type { Keys } from './keys-follow.ts';
import { gatewayScopes, guardRoutes } from './keys-guard.ts';
import { serverLimits } from './limits.ts';
import { createGatewayMetrics } from './metrics.ts';
import { observeRequests } from './observe.ts';
import { readUser } from './read-user.ts';
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
  writer: Pick<LogWriter, 'counts' | 'flush'>;
  hashKey: string;
  logger: FastifyBaseLogger;
  /** Left out: requests need no key. */
  keys?: Keys | undefined;
  tally?: () => LogTally;
}

const simpleChatRequest = z.object({
  prompt: z.string(),
  model: z.string().optional(),
  user_id: z.string().optional(),
});

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
  writer,
  hashKey,
  logger,
  keys,
  tally = () => ({ redactions: {}, sampled: {} }),
}: GatewayOptions): FastifyInstance {
  const app = fastify({
    ...serverLimits(config.gateway),
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }), // paths and headers may hold a user's text
    bodyLimit: config.gateway.bodyLimitKb * 1024,
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
  });
  const models = Object.keys(config.models);
  const metrics = createGatewayMetrics({
    log: () => writer.counts(),
    tally,
    missing: () => champions.missing(),
    inFlight: () => guard.inFlight(),
  });

  answerErrors(app, routes);
  observeRequests(app, metrics);
  const guard = guardRoutes(app, { keys, scopes: gatewayScopes, server: config.gateway });
  closeUnusedConnections(app);
  app.decorateRequest('bodyText', '');
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    request.bodyText = body;
    return parseJson(request, body, done);
  });

  /** Aborted when the client hangs up before it has its answer. */
  function signalOf(reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) controller.abort();
    });
    return controller.signal;
  }

  addChatCompletionsRoute(app, { models, answerer, signalOf });

  app.post('/chat', async (request, reply) => {
    const body = parseRequest(simpleChatRequest, request.body);
    const model = body.model ?? onlyModel(models);
    if (models.includes(model)) request.servedModel = model;
    const answered = await answerer.answer({
      model,
      messages: [{ role: 'user', content: body.prompt }],
      user: body.user_id ?? readUser(request),
      source: 'production',
      signal: signalOf(reply),
    });
    request.answered = answered;
    return { response: answered.text, request_id: answered.requestId };
  });

  async function flush(): Promise<void> {
    await answerer.settle();
    await writer.flush();
  }
  addFeedbackRoute(app, { db, hashKey, flush });

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

function onlyModel(models: readonly string[]): string {
  const [only] = models;
  if (only !== undefined && models.length === 1) return only;
  throw new RelearnError('invalid_request', `model: wanted one of ${models.join(', ')}.`);
}
