import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { configSchema } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import { buildReview } from '../src/http/review.ts';

/** The review API and its page for a model `bench`, without keys and without a Temporal to tell. */
export function buildBenchConsole(db: Database): FastifyInstance {
  const nothing = () => Promise.resolve();
  return buildReview({
    config: configSchema.parse({ models: { bench: { serve: { kind: 'onnx' } } } }),
    db,
    logger: pino({ level: 'silent' }),
    signal: {
      correctionsRecorded: nothing,
      startDriftResponse: nothing,
      triggerRetrain: nothing,
      decide: nothing,
      runState: () => Promise.resolve({ phase: 'train', candidate: null }),
      decideRun: nothing,
      rollBack: nothing,
      promote: nothing,
      eraseUser: () => Promise.resolve(''),
    },
  });
}
