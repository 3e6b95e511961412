import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { recordAudit } from '../audit.ts';
import { RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import type { Decision } from '../temporal.ts';
import { decisionRequest } from './console-schemas.ts';
import { parseRequest } from './errors.ts';
import { actorOf, findModel, type ReviewOptions } from './review-options.ts';

const runPath = z.object({ model: z.string(), run: z.coerce.number().int().positive() });
const modelPath = z.object({ model: z.string() });

/**
 * `POST /api/runs/:model/:run/approve|reject` decide about a candidate that waits for a person, and
 * `POST /api/models/:model/rollback` lets the version before serve again. Each wants a reason, which is redacted.
 */
export function addRunRoutes(app: FastifyInstance, { config, db, signal }: ReviewOptions): void {
  async function readDecision(request: FastifyRequest): Promise<Decision> {
    const { operator: by, reason } = parseRequest(decisionRequest, request.body);
    const key = request.keyName;
    return { by, reason: await redactToStore((redact) => redact(reason)), ...(key === null ? {} : { key }) };
  }

  async function ask<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof RelearnError) throw cause;
      throw new RelearnError('temporal_unavailable', 'The workflow was not told. Is Temporal running? Try again.', {
        cause,
      });
    }
  }

  for (const action of ['approve', 'reject'] as const) {
    app.post(`/api/runs/:model/:run/${action}`, async (request, reply) => {
      const { model, run } = parseRequest(runPath, request.params);
      findModel(config, model);
      const decision = await readDecision(request);
      await ask(() => signal.decideRun(model, run, action, decision));
      await note(request, decision, { action: `${action}_version`, model, details: { run, reason: decision.reason } });
      return reply.code(202).send({ asked: action });
    });
  }

  app.post('/api/models/:model/rollback', async (request, reply) => {
    const { model } = parseRequest(modelPath, request.params);
    findModel(config, model);
    const decision = await readDecision(request);
    await ask(() => signal.rollBack(model, decision));
    await note(request, decision, { action: 'ask_rollback', model, details: { reason: decision.reason } });
    return reply.code(202).send({ asked: 'rollback' });
  });

  async function note(
    request: FastifyRequest,
    { by }: Decision,
    entry: { action: string; model: string; details: Record<string, unknown> },
  ): Promise<void> {
    await recordAudit(db, { actor: actorOf(request, by), ...entry });
  }
}
