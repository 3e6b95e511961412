import type { FastifyRequest } from 'fastify';

/** Whoever asks, when the body does not say: the header `x-user-id`. Only its hash may leave memory. */
export function readUser(request: FastifyRequest): string | undefined {
  const header = request.headers['x-user-id'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}
