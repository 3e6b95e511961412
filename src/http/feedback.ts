import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { storeCorrections } from '../correct/corrections.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { feedbackKinds, storeFeedback, type Feedback } from '../log/feedback.ts';
import { hashUser } from '../log/hash-user.ts';
import { requestTime } from '../log/request-id.ts';
import { parseRequest } from './errors.ts';
import { readUser } from './read-user.ts';
import { requestId } from './words.ts';

const feedbackRequest = z.object({
  request_id: requestId,
  kind: z.enum(feedbackKinds),
  comment: z.string().max(10_000).nullish(),
  correction: z.string().trim().min(1).max(100_000).nullish(),
  user: z.string().nullish(),
});

export interface FeedbackOptions {
  db: Database;
  hashKey: string;
  /** Stores the rows this process still holds in memory. */
  flush: () => Promise<void>;
}

/** Rows younger than this may still be in memory. */
const unwrittenMs = 60_000;

/** `POST /v1/feedback`: what a user says of an answer, and what the answer should have been. */
export function addFeedbackRoute(app: FastifyInstance, { db, hashKey, flush }: FeedbackOptions): void {
  async function storeWhenWritten(feedback: Feedback): Promise<{ id: string }> {
    try {
      return await storeFeedback(db, feedback);
    } catch (error) {
      const young = Date.now() - (requestTime(feedback.requestId)?.getTime() ?? 0) < unwrittenMs;
      if (!young || !(error instanceof RelearnError) || error.code !== 'request_not_found') throw error;
      await flush();
      return storeFeedback(db, feedback);
    }
  }

  app.post('/v1/feedback', async (request) => {
    const body = parseRequest(feedbackRequest, request.body);
    const user = body.user ?? readUser(request);
    const userIdHash = user === undefined || user === '' ? null : hashUser(hashKey, user);
    const { id } = await storeWhenWritten({
      requestId: body.request_id,
      kind: body.kind,
      comment: body.comment,
      userIdHash,
    });
    if (body.correction == null) return { id, request_id: body.request_id };
    const operator = userIdHash === null ? 'user' : `user:${userIdHash}`;
    const [stored] = await storeCorrections(db, [
      { requestId: body.request_id, completion: body.correction, operator, source: 'feedback' },
    ]);
    return { id, request_id: body.request_id, correction: stored?.status ?? 'invalid' };
  });
}
