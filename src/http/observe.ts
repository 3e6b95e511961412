import type { ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Answered } from '../serve/answer.ts';
import type { GatewayMetrics } from './metrics.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The configured model the request is for, once it is known: a label of the metrics. */
    servedModel: string;
    /** What answered it, once it is answered: for metrics and the request's line in the log. */
    answered: (Pick<Answered, 'requestId' | 'version'> & { latencyMs: number | null }) | null;
    /** How an answer ended whose status had been sent before; 0 while there is nothing to say. */
    endedAs: number;
  }
}

/** Probes and scrapes are no traffic: they are neither counted nor limited. */
export const probes: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);
/** As nginx counts it: the client had gone before the answer was out. */
const clientGone = 499;

/**
 * Counts every request when it is over, and writes one line about it: `warn` when this side failed, else `debug`. Both
 * hold configured names and figures only, nothing that a client sent. To be added before what may refuse a request.
 */
export function observeRequests(app: FastifyInstance, metrics: Pick<GatewayMetrics, 'observe'>): void {
  app.decorateRequest('servedModel', 'unknown');
  app.decorateRequest('answered', null);
  app.decorateRequest('endedAs', 0);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (!probes.has(request.routeOptions.url ?? '')) {
      // Not the hook onResponse: that one is left out when the client has gone.
      reply.raw.once('close', () => finish(request, reply));
    }
    done();
  });

  function finish(request: FastifyRequest, reply: FastifyReply): void {
    const { servedModel: model, answered, keyId, endedAs } = request;
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    noteEnd(request.log, metrics, {
      ...{ model, route, answered, keyId, ms: reply.elapsedTime },
      status: endedAs || statusOf(reply.raw),
    });
  }
}

/** How a request ended, whoever answered it. */
export interface Ending extends Pick<FastifyRequest, 'answered' | 'keyId'> {
  /** Left out: the logger says it. */
  requestId?: string;
  model: string;
  route: string;
  status: number;
  ms: number;
}

export const statusOf = ({ writableEnded, statusCode }: ServerResponse): number =>
  writableEnded ? statusCode : clientGone;

export function noteEnd(
  log: FastifyBaseLogger,
  metrics: Pick<GatewayMetrics, 'observe'>,
  { model, route, status, ms, answered, keyId: key, requestId }: Ending,
): void {
  // A stream has no time of its own to set apart.
  const addedMs = answered?.latencyMs == null ? undefined : Math.max(0, ms - answered.latencyMs);
  metrics.observe({ model, route, status, ms, addedMs });
  // 503 is an answer to many requests at once, and what caused it has a line of its own.
  const failed = status >= 500 && status !== 503;
  if (!failed && log.level !== 'debug' && log.level !== 'trace') return;
  log[failed ? 'warn' : 'debug'](
    {
      ...(requestId === undefined ? {} : { requestId }),
      ...{ route, status, model, version: answered?.version ?? null },
      ...{ ms: round(ms), addedMs: addedMs === undefined ? null : round(addedMs), key },
    },
    status >= 500 ? 'a request was answered with an error of this side' : 'request',
  );
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
