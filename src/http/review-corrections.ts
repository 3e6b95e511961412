import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { storeCorrections, type StoredCorrection } from '../correct/corrections.ts';
import { tellIncidents } from '../correct/tell-incidents.ts';
import { errorMessage } from '../errors.ts';
import { parseRequest } from './errors.ts';
import type { ReviewOptions } from './review-options.ts';
import { label, requestId } from './words.ts';

const correction = z.object({ request_id: requestId, completion: z.string() });
const one = correction.extend({ operator: label });
const many = z.object({ operator: label, corrections: z.array(correction).min(1).max(500) });

const why: Record<StoredCorrection['status'], string | undefined> = {
  stored: undefined,
  repeated: 'this operator said the same before',
  unknown_request: 'no production row has this request id, or it was not kept',
  invalid: 'the completion is empty, longer than 100,000 characters, or could not be redacted',
};

/**
 * `POST /api/corrections`: stores corrections, then tells the open incident's driftResponse, once per model. What is
 * stored stays stored when Temporal does not answer: then the status is 202, with a warning, and sending the same again
 * tells it again.
 */
export function addCorrectionRoute(app: FastifyInstance, { db, signal }: ReviewOptions): void {
  app.post('/api/corrections', async (request, reply) => {
    const { operator, corrections } = readCorrections(request.body);
    const stored = await storeCorrections(
      db,
      corrections.map(({ request_id, completion }) => ({ requestId: request_id, completion, operator, source: 'api' })),
    );
    const results = stored.map((result) => ({
      request_id: result.requestId,
      status: result.status,
      ...(result.status === 'stored' || result.status === 'repeated' ? { id: result.id } : {}),
      ...(why[result.status] === undefined ? {} : { reason: why[result.status] }),
    }));
    const accepted = stored.filter((result) => result.status === 'stored').length;
    try {
      await tellIncidents(db, signal, stored);
    } catch (error) {
      request.log.warn({ error: errorMessage(error) }, 'corrections are stored, but driftResponse was not told');
      const warning =
        'The corrections are stored, but driftResponse could not be told. Is Temporal running? Send them again later.';
      return reply.code(202).send({ accepted, results, warning });
    }
    return { accepted, results };
  });
}

function readCorrections(body: unknown): z.output<typeof many> {
  const single = typeof body === 'object' && body !== null && !('corrections' in body);
  if (!single) return parseRequest(many, body);
  const { operator, ...given } = parseRequest(one, body);
  return { operator, corrections: [given] };
}
