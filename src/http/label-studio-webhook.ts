import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { annotationSchema, takeAnnotations } from '../correct/label-studio/annotations.ts';
import { tellIncidents } from '../correct/tell-incidents.ts';
import { errorMessage, RelearnError } from '../errors.ts';
import { parseRequest } from './errors.ts';
import type { ReviewOptions } from './review-options.ts';

const taken = new Set(['ANNOTATION_CREATED', 'ANNOTATION_UPDATED']);
const anyAction = z.object({ action: z.string() });
/** Of the actions that are taken; others are answered and left. */
const payload = z.object({
  annotation: annotationSchema,
  project: z.object({ id: z.number() }),
  task: z.object({ data: z.looseObject({ request_id: z.string() }) }),
});

export const webhookRequest = z.intersection(anyAction, payload);

/**
 * `POST /api/webhooks/label-studio`: an annotation was made or edited. Whoever calls must know the secret of a model's
 * `labelStudio.webhookSecretEnv`, as header `x-relearn-secret`: it stands for a key, and is compared in constant time.
 */
export function addLabelStudioWebhook(app: FastifyInstance, { config, db, signal, secret }: ReviewOptions): void {
  const doors = Object.values(config.models).flatMap(({ labelStudio }) => {
    const known = labelStudio?.webhookSecretEnv === undefined ? undefined : secret?.(labelStudio.webhookSecretEnv);
    return labelStudio === undefined || known === undefined ? [] : [{ url: labelStudio.url, digest: digest(known) }];
  });

  /** The Label Studios that have this secret. Looks at all, so that time tells nothing. */
  function openedBy(given: string | string[] | undefined): string[] {
    const tried = digest(typeof given === 'string' ? given : '');
    return [...new Set(doors.filter((door) => timingSafeEqual(door.digest, tried)).map(({ url }) => url))];
  }

  app.route({
    method: 'POST',
    url: '/api/webhooks/label-studio',
    onRequest: (request, _reply, done) => {
      if (openedBy(request.headers['x-relearn-secret']).length > 0) return done();
      done(
        new RelearnError(
          'forbidden',
          'Wanted the header x-relearn-secret with the secret that labelStudio.webhookSecretEnv names.',
        ),
      );
    },
    handler: async (request) => {
      if (!taken.has(parseRequest(anyAction, request.body).action)) return { accepted: 0 };
      const { annotation, project, task } = parseRequest(payload, request.body);
      const given = [{ requestId: task.data.request_id, annotation }];
      const urls = openedBy(request.headers['x-relearn-secret']);
      const stored = await Promise.all(urls.map((url) => takeAnnotations(db, { url, project: project.id }, given)));
      const corrections = stored.flat();
      try {
        await tellIncidents(db, signal, corrections);
      } catch (error) {
        request.log.warn({ error: errorMessage(error) }, 'an annotation is stored, but driftResponse was not told');
      }
      return { accepted: corrections.filter(({ status }) => status === 'stored').length };
    },
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
