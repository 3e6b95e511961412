import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerConfig } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { guardHost } from './host-guard.ts';
import type { Keys } from './keys-follow.ts';
import type { Scope, UsableKey } from './keys.ts';
import { createRateLimit } from './limits.ts';
import { probes } from './observe.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The id of the key it came with, which is no secret; null while keys are off. */
    keyId: string | null;
    /** The name of that key, for the audit. */
    keyName: string | null;
  }
}

/** Scope by path. A route that is not listed needs `admin`: one that was forgotten is closed, not open. */
export type RouteScopes = Readonly<Record<string, Scope | 'open'>>;

export const gatewayScopes: RouteScopes = {
  '/v1/chat/completions': 'infer',
  '/chat': 'infer',
  '/v1/models': 'infer',
  '/v1/models/:model': 'infer',
  '/v1/feedback': 'feedback',
  '/healthz': 'open',
  '/readyz': 'open',
  '/metrics': 'admin',
};

export const reviewScopes: RouteScopes = {
  '/': 'review',
  '/healthz': 'open',
  '/api/webhooks/label-studio': 'open', // has a secret of its own
  '/api/review': 'review',
  '/api/review/cards': 'review',
  '/api/review/next': 'review',
  '/api/review/renew': 'review',
  '/api/review/release': 'review',
  '/api/review/answer': 'review',
  '/api/review/skip': 'review',
  '/api/review/remove': 'review',
  '/api/review/undo': 'review',
  '/api/corrections': 'review',
  '/api/tags': 'review',
  '/api/incidents': 'review',
  '/api/incidents/:id': 'review',
  '/api/incidents/:id/close': 'review',
  '/api/incidents/:id/retrain': 'admin',
  '/api/clusters': 'review',
  '/api/models': 'review',
  '/api/models/:model/versions/:version': 'review',
  '/api/drift-events': 'admin',
  '/api/retrain': 'admin',
  '/api/erasures': 'admin',
  '/api/erasures/:user': 'admin',
};

export interface GuardOptions {
  /** Undefined: keys are off. Then only the server's own names are answered, as a web page could reach loopback. */
  keys: Keys | undefined;
  scopes: RouteScopes;
  server: ServerConfig;
}

export interface Guard {
  /** Requests under way, without probes. */
  inFlight(): number;
}

/**
 * Decides about every request before its body is read: key, scope, rate of the key, requests under way. Probes pass.
 * Throws, from the hook, `invalid_api_key`, `insufficient_scope`, `rate_limit_exceeded` or `overloaded`.
 */
export function guardRoutes(app: FastifyInstance, { keys, scopes, server }: GuardOptions): Guard {
  const rate = createRateLimit({ perSecond: server.requestsPerSecond, burst: server.burst });
  let inFlight = 0;
  app.decorateRequest('keyId', null);
  app.decorateRequest('keyName', null);
  if (keys === undefined) guardHost(app, server.host);

  function admit(request: FastifyRequest, reply: FastifyReply, scope: Scope, key: UsableKey | undefined): void {
    if (key !== undefined) {
      request.keyId = key.id;
      request.keyName = key.name;
      requireScope(key, scope);
    }
    if (probes.has(request.routeOptions.url ?? '')) return;
    const waitMs = key === undefined ? 0 : rate.take(key.id);
    if (waitMs > 0) throw tooFast(reply, waitMs);
    if (inFlight >= server.maxConcurrent) {
      reply.header('retry-after', '1');
      throw new RelearnError('overloaded', 'Too many requests are under way. Try again in a moment.');
    }
    inFlight += 1;
    reply.raw.once('close', () => {
      inFlight -= 1;
    });
  }

  app.addHook('onRequest', (request, reply, done) => {
    const scope = request.is404 ? 'open' : (scopes[request.routeOptions.url ?? ''] ?? 'admin');
    if (scope === 'open') return done();
    const admitAs = (key: UsableKey | undefined) => admit(request, reply, scope, key);
    const refuse = (error: unknown) => {
      if (error instanceof RelearnError && error.code === 'invalid_api_key') reply.header('www-authenticate', 'Bearer');
      done(error instanceof Error ? error : new Error('a check of a key failed'));
    };
    try {
      const key = keys?.check(request.headers.authorization);
      if (key instanceof Promise) return void key.then(admitAs).then(() => done(), refuse);
      admitAs(key);
    } catch (error) {
      return refuse(error);
    }
    done();
  });
  return { inFlight: () => inFlight };
}

function requireScope(key: UsableKey, scope: Scope): void {
  if (key.scopes.includes(scope) || key.scopes.includes('admin')) return;
  throw new RelearnError(
    'insufficient_scope',
    `This needs a key with the scope ${scope}; this one has ${key.scopes.join(', ')}.`,
  );
}

/** OpenAI's clients wait as the headers say, to the millisecond, before they try again. */
function tooFast(reply: FastifyReply, waitMs: number): RelearnError {
  reply.header('retry-after', `${Math.ceil(waitMs / 1000)}`).header('retry-after-ms', `${Math.ceil(waitMs)}`);
  return new RelearnError('rate_limit_exceeded', 'This key sends too many requests. Send fewer, or wait as told.');
}
