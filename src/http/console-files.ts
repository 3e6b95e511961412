import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { RelearnError } from '../errors.ts';

const folder = fileURLToPath(new URL('../../console/', import.meta.url));

/** Nothing but this server's own files runs or is asked, and no other page shows this one. */
const policy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'", "connect-src 'self'"],
  ...["form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"],
].join('; ');

/**
 * The page at `/` and its files, as `npm run build` left them, compressed for who takes that, and headers of safety on
 * every answer.
 */
export function addConsoleFiles(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    void reply
      .header('content-security-policy', policy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('cross-origin-opener-policy', 'same-origin');
    if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control')) {
      void reply.header('cache-control', 'no-store');
    }
  });
  // The names of assets hold a digest of what is in them.
  app.register(fastifyStatic, {
    ...{ root: `${folder}assets`, prefix: '/assets/', index: false, preCompressed: true },
    ...{ immutable: true, maxAge: '365d', cacheControl: true },
  });
  app.get('/', (_request, reply) => {
    if (!existsSync(`${folder}index.html`)) {
      throw new RelearnError('route_not_found', 'The console is not built. `npm run build` builds it; /api/ works.');
    }
    return reply.sendFile('index.html', folder, { immutable: false, maxAge: 0 });
  });
}
