import type { FastifyInstance } from 'fastify';
import { redactToStore } from '../log/redact/index.ts';
import { redactRequest } from './console-schemas.ts';
import { parseRequest } from './errors.ts';

/** `POST /api/redact`: a text as it would be stored. The page keeps drafts that way. */
export function addRedactRoute(app: FastifyInstance): void {
  app.post('/api/redact', async (request) => {
    const { text } = parseRequest(redactRequest, request.body);
    return { text: await redactToStore((redact) => redact(text)) };
  });
}
