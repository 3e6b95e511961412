import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RelearnError } from '../errors.ts';
import { findErasure } from '../log/erase-rows.ts';
import { parseRequest } from './errors.ts';
import type { ReviewOptions } from './review-options.ts';
import { label } from './words.ts';

export const erasureRequest = z.object({ user_id: z.string().min(1).max(1000), operator: label });
const userHash = z.object({ user: z.string().regex(/^[0-9a-f]{16}$/, 'wanted the 16 hex digits of a user hash') });

/** `POST /api/erasures` and `GET /api/erasures/:user`. The user's name is hashed here and goes no further. */
export function addErasureRoutes(app: FastifyInstance, { db, signal }: ReviewOptions): void {
  app.post('/api/erasures', async (request, reply) => {
    const { user_id: userId, operator } = parseRequest(erasureRequest, request.body);
    try {
      const user = await signal.eraseUser(userId, operator);
      return await reply.code(202).send({ user_id_hash: user });
    } catch (cause) {
      throw new RelearnError('temporal_unavailable', 'The erasure has not begun. Is Temporal running? Ask again.', {
        cause,
      });
    }
  });

  app.get('/api/erasures/:user', async (request) => {
    const { user } = parseRequest(userHash, request.params);
    const erasure = await findErasure(db, user);
    if (erasure !== null) return erasure;
    throw new RelearnError('erasure_not_found', 'Nobody asked for the erasure of this user. POST /api/erasures does.');
  });
}
