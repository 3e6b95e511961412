import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { recordAudit } from '../audit.ts';
import { storeCorrections, type Correction, type StoredCorrection } from '../correct/corrections.ts';
import { gather } from '../correct/gather.ts';
import { importCorrections, whyNotStored } from '../correct/import-corrections.ts';
import { readCorrections } from '../correct/read-corrections.ts';
import { tellIncidents } from '../correct/tell-incidents.ts';
import { errorMessage } from '../errors.ts';
import { parseRequest } from './errors.ts';
import { actorOf, type ReviewOptions } from './review-options.ts';
import { label, requestId } from './words.ts';

const mostAtOnce = 500;
const one = z.object({ request_id: requestId, completion: z.string(), operator: label });
const list = z.array(one).min(1).max(mostAtOnce);
const many = z.object({
  operator: label.optional(),
  corrections: z
    .array(one.partial({ operator: true }))
    .min(1)
    .max(mostAtOnce),
});
export const correctionsRequest = z.union([one, list, many]);
const streamQuery = z.object({ operator: label.optional() });

export const streamFormats = {
  'application/x-ndjson': 'jsonl',
  'application/ndjson': 'jsonl',
  'application/jsonl': 'jsonl',
  'application/x-jsonl': 'jsonl',
  'application/jsonlines': 'jsonl',
  'application/x-jsonlines': 'jsonl',
  'text/csv': 'csv',
} as const;
const warning =
  'The corrections are stored, but driftResponse could not be told. Is Temporal running? Send them again later.';

/**
 * `POST /api/corrections`: one correction, a list, or a stream of JSONL or CSV. Stores them, then tells the open incident's
 * driftResponse. What is stored stays stored when Temporal does not answer: then the status is 202, with a
 * warning, and sending the same again tells it again. What comes in together is stored and told together.
 */
export function addCorrectionRoute(app: FastifyInstance, { db, signal }: ReviewOptions): void {
  const store = gather((corrections: readonly Correction[]) => storeCorrections(db, corrections), mostAtOnce);
  const tell = gather(async (stored: readonly StoredCorrection[]) => {
    await tellIncidents(db, signal, stored);
    return stored;
  }, mostAtOnce);

  async function storeAndTell(request: FastifyRequest, corrections: readonly Correction[]) {
    const stored = await store(corrections);
    try {
      await tell(stored);
      return { stored, told: true };
    } catch (error) {
      request.log.warn({ error: errorMessage(error) }, 'corrections are stored, but driftResponse was not told');
      return { stored, told: false };
    }
  }

  app.addContentTypeParser(Object.keys(streamFormats), (_request, payload, done) => done(null, payload));

  app.post('/api/corrections', async (request, reply) => {
    if (request.body instanceof Readable) return importStream(request, request.body);
    const corrections = readBody(request.body);
    const key = request.keyName;
    const { stored, told } = await storeAndTell(
      request,
      corrections.map(({ request_id, ...said }) => ({ requestId: request_id, ...said, source: 'api', key })),
    );
    const accepted = stored.filter((result) => result.status === 'stored').length;
    if (corrections.length > 1) await noteBulk(request, whoSaid(corrections), { accepted, given: corrections.length });
    const results = stored.map(describeResult);
    return told ? { accepted, results } : reply.code(202).send({ accepted, results, warning });
  });

  async function importStream(request: FastifyRequest, body: Readable) {
    const { operator } = parseRequest(streamQuery, request.query);
    const format = streamFormat(request.headers['content-type']);
    const untold: number[] = [];
    const outcome = await importCorrections(readCorrections(body, format), {
      ...{ operator, source: 'api', key: request.keyName },
      store: async (corrections) => {
        const { stored, told } = await storeAndTell(request, corrections);
        if (!told) untold.push(stored.length);
        return stored;
      },
    });
    const { stored, repeated, unknown_request, invalid, empty } = outcome;
    await noteBulk(request, operator ?? 'an import', { stored, repeated, unknown_request, invalid, empty });
    return untold.length === 0 ? outcome : { ...outcome, warning };
  }

  async function noteBulk(request: FastifyRequest, operator: string, details: Record<string, number>): Promise<void> {
    await recordAudit(db, { actor: actorOf(request, operator), action: 'correct_in_bulk', details });
  }
}

function describeResult({ requestId: request_id, status, id }: StoredCorrection) {
  const reason = whyNotStored[status];
  return {
    ...{ request_id, status },
    ...(status === 'stored' || status === 'repeated' ? { id } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

function streamFormat(contentType: string | undefined): 'jsonl' | 'csv' {
  return contentType?.startsWith('text/csv') === true ? 'csv' : 'jsonl';
}

function readBody(body: unknown): z.output<typeof list> {
  if (Array.isArray(body)) return parseRequest(list, body);
  const single = typeof body === 'object' && body !== null && !('corrections' in body);
  if (single) return [parseRequest(one, body)];
  const { operator, corrections } = parseRequest(many, body);
  return parseRequest(list, operator === undefined ? corrections : corrections.map((each) => ({ operator, ...each })));
}

function whoSaid(corrections: z.output<typeof list>): string {
  const operators = new Set(corrections.map(({ operator }) => operator));
  const [only] = operators;
  return operators.size === 1 && only !== undefined ? only : 'an import';
}
