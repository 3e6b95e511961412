import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerConfig } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { createHostCheck, readMethods } from './host-guard.ts';
import type { Keys } from './keys-follow.ts';
import { allows, type Scope, type UsableKey } from './keys.ts';
import { createRateLimit } from './limits.ts';
import { probes } from './observe.ts';
import type { Sessions } from './sessions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The id of the key it came with, which is no secret; null while keys are off. */
    keyId: string | null;
    /** The name of that key, for the audit. */
    keyName: string | null;
  }
}

/**
 * Scope by path. A route that is not listed needs `admin`: one that was forgotten is closed, not open. What changes
 * something needs `review` at least, whatever its path says: a key with `view` only looks.
 */
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
  '/': 'open', // the page itself; what it shows comes from the routes below
  '/assets/*': 'open',
  '/healthz': 'open',
  '/api/session': 'open',
  '/api/openapi.json': 'view',
  '/api/overview': 'view',
  '/api/labels': 'view',
  '/api/events': 'view',
  '/api/redact': 'review',
  '/api/models/:model/rollback': 'operate',
  '/api/models/:model/versions/:version/promote': 'operate',
  '/api/runs/:model/:run/approve': 'operate',
  '/api/runs/:model/:run/reject': 'operate',
  '/api/webhooks/label-studio': 'open', // has a secret of its own
  '/api/review': 'view',
  '/api/review/cards': 'view',
  '/api/review/state': 'view',
  '/api/review/said': 'view',
  '/api/review/next': 'review',
  '/api/review/renew': 'review',
  '/api/review/release': 'review',
  '/api/review/answer': 'review',
  '/api/review/skip': 'review',
  '/api/review/remove': 'review',
  '/api/review/undo': 'review',
  '/api/corrections': 'review',
  '/api/tags': 'view',
  '/api/incidents': 'view',
  '/api/incidents/:id': 'view',
  '/api/incidents/:id/close': 'operate',
  '/api/incidents/:id/retrain': 'operate',
  '/api/clusters': 'view',
  '/api/log': 'view',
  '/api/log/count': 'view',
  '/api/log/facets': 'view',
  '/api/log/row': 'view',
  '/api/log/export': 'view',
  '/api/models': 'view',
  '/api/models/:model/versions': 'view',
  '/api/models/:model/versions/:version': 'view',
  '/api/models/:model/versions/:version/rows': 'view',
  '/api/lineage': 'view',
  '/api/drift-events': 'admin',
  '/api/retrain': 'operate',
  '/codec/decode': 'operate', // payloads hold what operators typed, as they typed it
  '/codec/encode': 'operate',
  '/api/erasures': 'admin',
  '/api/erasures/:user': 'admin',
};

/** The scope that a request needs, by what is listed of its path. */
export function neededScope<Listed extends Scope | 'open'>(listed: Listed, method: string): Listed | 'review' {
  return listed === 'view' && !readMethods.has(method) ? 'review' : listed;
}

/** Events last as long as a page is open: they would fill the places of requests. */
const uncounted: ReadonlySet<string> = new Set([...probes, '/api/events']);

export interface GuardOptions {
  /** Undefined: keys are off. Then only the server's own names are answered, as a web page could reach loopback. */
  keys: Keys | undefined;
  scopes: RouteScopes;
  server: ServerConfig;
  /** Sign-ins by cookie; left out where there is no page. */
  sessions?: Sessions | undefined;
  /** Whether a request may come from a page of another origin; left out: none may. */
  mayAskFromElsewhere?: (request: FastifyRequest) => boolean;
}

export interface Guard {
  /** Requests under way, without probes. */
  inFlight(): number;
  /**
   * The key (null while keys are off) of a request that may be answered ahead of the hook. Undefined: the hook has to
   * decide, and says why not.
   */
  admitEarly(request: IncomingMessage, response: ServerResponse, scope: Scope): UsableKey | null | undefined;
  /** Lets a request that was admitted so pass the hook. */
  passOn(request: IncomingMessage, key: UsableKey | null): void;
}

/**
 * Decides about every request before its body is read: key, scope, rate of the key, requests under way. Probes pass.
 * Throws, from the hook, `invalid_api_key`, `insufficient_scope`, `rate_limit_exceeded` or `overloaded`.
 */
export function guardRoutes(app: FastifyInstance, options: GuardOptions): Guard {
  const { keys, scopes, server, sessions, mayAskFromElsewhere = () => false } = options;
  const rate = createRateLimit({ perSecond: server.requestsPerSecond, burst: server.burst });
  let inFlight = 0;
  app.decorateRequest('keyId', null);
  app.decorateRequest('keyName', null);
  const checkHost = keys === undefined ? createHostCheck(server.host) : () => undefined;
  /** With the key they came with. */
  const admitted = new WeakMap<IncomingMessage, UsableKey | null>();

  function start(response: ServerResponse): void {
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
    });
  }

  function admit(request: FastifyRequest, reply: FastifyReply, scope: Scope, key: UsableKey | undefined): void {
    if (key !== undefined) {
      request.keyId = key.id;
      request.keyName = key.name;
      requireScope(key, scope);
    }
    if (admitted.has(request.raw)) return;
    if (uncounted.has(request.routeOptions.url ?? '')) return;
    const waitMs = key === undefined ? 0 : rate.take(key.id);
    if (waitMs > 0) throw tooFast(reply, waitMs);
    if (inFlight >= server.maxConcurrent) {
      reply.header('retry-after', '1');
      throw new RelearnError('overloaded', 'Too many requests are under way. Try again in a moment.');
    }
    start(reply.raw);
  }

  function admitEarly(request: IncomingMessage, response: ServerResponse, scope: Scope): UsableKey | null | undefined {
    if (checkHost(request) !== undefined || inFlight >= server.maxConcurrent) return undefined;
    const key = checkAtOnce(keys, request.headers.authorization);
    if (key === null || (key !== undefined && (!maySee(key, scope) || rate.take(key.id) > 0))) return undefined;
    start(response);
    return key ?? null;
  }

  app.addHook('onRequest', (request, reply, done) => {
    const elsewhere = mayAskFromElsewhere(request);
    const foreign = checkHost(request.raw, elsewhere);
    if (foreign !== undefined) return done(foreign);
    // A browser sends no key with its question whether it may ask (CORS), and it is answered from a list.
    const listed =
      request.is404 || request.method === 'OPTIONS' ? 'open' : (scopes[request.routeOptions.url ?? ''] ?? 'admin');
    if (listed === 'open') return done();
    const scope = neededScope(listed, request.method);
    const admitAs = (key: UsableKey | undefined) => admit(request, reply, scope, key);
    const refuse = (error: unknown) => {
      if (error instanceof RelearnError && error.code === 'invalid_api_key') reply.header('www-authenticate', 'Bearer');
      done(error instanceof Error ? error : new Error('a check of a key failed'));
    };
    try {
      const key =
        admitted.get(request.raw) ?? sessions?.find(request, elsewhere) ?? keys?.check(request.headers.authorization);
      if (key instanceof Promise) return void key.then(admitAs).then(() => done(), refuse);
      admitAs(key);
    } catch (error) {
      return refuse(error);
    }
    done();
  });
  return { inFlight: () => inFlight, admitEarly, passOn: (request, key) => void admitted.set(request, key) };
}

/** The key, or undefined while keys are off; null when it is not good, or has to be looked for. */
function checkAtOnce(keys: Keys | undefined, authorization: string | undefined): UsableKey | undefined | null {
  try {
    const key = keys?.check(authorization);
    if (!(key instanceof Promise)) return key;
    key.catch(() => undefined); // asked again by the hook
    return null;
  } catch {
    return null;
  }
}

const maySee = ({ scopes }: UsableKey, scope: Scope): boolean => allows(scopes, scope);

function requireScope(key: UsableKey, scope: Scope): void {
  if (maySee(key, scope)) return;
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
