import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RelearnError } from '../errors.ts';
import { sessionRequest, type sessionResponse } from './console-schemas.ts';
import { parseRequest } from './errors.ts';
import type { Keys } from './keys-follow.ts';
import { allows, type UsableKey } from './keys.ts';
import type { Sessions } from './sessions.ts';

type Session = z.output<typeof sessionResponse>;

/** The session routes' words for a key: what its owner may do on the page. */
function describe(key: UsableKey, csrf: string | null): Session {
  const role = (['admin', 'operate', 'review', 'view'] as const).find((scope) => allows(key.scopes, scope)) ?? null;
  return { keys: true, name: key.name, role, csrf };
}

/** While keys are off, whoever reaches the page may do everything, under a name of their own choice. */
const everyone: Session = { keys: false, name: null, role: 'admin', csrf: null };

/** `GET /api/session` tells who is signed in, `POST` signs in with a key, `DELETE` signs out. */
export function addSessionRoutes(app: FastifyInstance, keys: Keys | undefined, sessions: Sessions | undefined): void {
  app.get('/api/session', async (request, reply) => {
    if (keys === undefined || sessions === undefined) return everyone;
    void reply.header('cache-control', 'no-store');
    try {
      const key = await sessions.find(request);
      if (key !== undefined) return describe(key, sessions.csrfOf(request));
    } catch (error) {
      if (!(error instanceof RelearnError) || error.code !== 'invalid_api_key') throw error;
    }
    return { keys: true, name: null, role: null, csrf: null } satisfies Session;
  });

  app.post('/api/session', async (request, reply) => {
    if (keys === undefined || sessions === undefined) return everyone;
    const given = parseRequest(sessionRequest, request.body);
    const key = await keys.check(`Bearer ${given.key}`);
    if (!allows(key.scopes, 'view')) {
      throw new RelearnError('insufficient_scope', 'The console needs a key with view, review, operate or admin.');
    }
    const { cookie, csrf } = await sessions.open(request, key);
    return reply.header('set-cookie', cookie).header('cache-control', 'no-store').send(describe(key, csrf));
  });

  app.delete('/api/session', async (request, reply) => {
    if (sessions !== undefined) void reply.header('set-cookie', await sessions.close(request));
    return reply.code(204).send();
  });
}
