import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { recordAudit } from '../audit.ts';
import { RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import { requirePromotable } from '../promote/promotable.ts';
import { findRollback } from '../promote/promotion.ts';
import { listChampions } from '../promote/registry.ts';
import type { Decision } from '../temporal.ts';
import { decisionRequest } from './console-schemas.ts';
import { parseRequest } from './errors.ts';
import { actorOf, findModel, type ReviewOptions } from './review-options.ts';
import { promoteRequest, rollbackRequest } from './version-schemas.ts';
import { label } from './words.ts';

const runPath = z.object({ model: z.string(), run: z.coerce.number().int().positive() });
const modelPath = z.object({ model: z.string() });
const versionPath = modelPath.extend({ version: label });

/**
 * `POST /api/runs/:model/:run/approve|reject` decide about a candidate that waits for a person, `POST
 * /api/models/:model/rollback` lets the version before serve again, and `…/versions/:version/promote` a certified one.
 * Each wants a reason, which is redacted. What a person decided about must still be what serves.
 */
export function addRunRoutes(app: FastifyInstance, { config, db, signal, certificateKeys }: ReviewOptions): void {
  async function toDecision(
    request: FastifyRequest,
    { operator: by, reason }: z.output<typeof decisionRequest>,
  ): Promise<Decision> {
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
      const decision = await toDecision(request, parseRequest(decisionRequest, request.body));
      await ask(() => signal.decideRun(model, run, action, decision));
      await note(request, decision, { action: `${action}_version`, model, details: { run, reason: decision.reason } });
      return reply.code(202).send({ asked: action });
    });
  }

  app.post('/api/models/:model/rollback', async (request, reply) => {
    const { model } = parseRequest(modelPath, request.params);
    findModel(config, model);
    const given = parseRequest(rollbackRequest, request.body);
    if (given.version !== undefined) await requireServing(model, given.version);
    const decision = await toDecision(request, given);
    await ask(() => signal.rollBack(model, decision));
    await note(request, decision, { action: 'ask_rollback', model, details: { reason: decision.reason } });
    return reply.code(202).send({ asked: 'rollback' });
  });

  app.post('/api/models/:model/versions/:version/promote', async (request, reply) => {
    const { model, version } = parseRequest(versionPath, request.params);
    const { champion: seen, ...given } = parseRequest(promoteRequest, request.body);
    findModel(config, model);
    await requirePromotable(db, certificateKeys, { model, version });
    const [champion] = await listChampions(db, [model]);
    if (seen !== undefined && seen !== (champion?.version ?? null)) throw changedMeanwhile(model, champion?.version);
    const decision = await toDecision(request, given);
    await ask(() => signal.promote(model, version, decision));
    await note(request, decision, {
      ...{ action: 'ask_promotion', model, subject: version, details: { reason: decision.reason } },
    });
    return reply.code(202).send({ asked: 'promote' });
  });

  /** Throws when a rollback would not take away the version that the person saw. */
  async function requireServing(model: string, version: string): Promise<void> {
    const rollback = await findRollback(db, model);
    if (rollback === null) {
      throw new RelearnError('version_not_found', `Model ${model} has no earlier champion to go back to.`);
    }
    if (rollback.from !== version) throw changedMeanwhile(model, rollback.from);
  }

  async function note(
    request: FastifyRequest,
    { by }: Decision,
    entry: { action: string; model: string; subject?: string; details: Record<string, unknown> },
  ): Promise<void> {
    await recordAudit(db, { actor: actorOf(request, by), ...entry });
  }
}

function changedMeanwhile(model: string, newest: string | undefined): RelearnError {
  const message = `What serves ${model} changed meanwhile: it is ${newest ?? 'none'} now. Nothing was changed; look again.`;
  return new RelearnError('promotion_conflict', message);
}
