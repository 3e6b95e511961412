import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { configSchema } from '../src/config.ts';
import { openDatabase } from '../src/database.ts';
import { buildReview } from '../src/http/review.ts';
import { fillReview, measureReview } from './console-review.ts';

/**
 * The console in Chromium. `next_row_p50_ms` and `next_row_p95_ms`: from the key that sends a correction to the frame
 * that shows the next row, over 20 corrections by keyboard.
 */
export async function run(): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  const postgres = await startPostgres({ directory: join(directory, 'console') });
  const db = openDatabase(postgres.url, { maxConnections: 10 });
  const nothing = () => Promise.resolve();
  const app = buildReview({
    config: configSchema.parse({ models: { bench: { serve: { kind: 'onnx' } } } }),
    db,
    logger: pino({ level: 'silent' }),
    signal: {
      ...{ correctionsRecorded: nothing, startDriftResponse: nothing, triggerRetrain: nothing, decide: nothing },
      ...{ decideRun: nothing, rollBack: nothing, eraseUser: () => Promise.resolve('') },
      runState: () => Promise.resolve({ phase: 'train', candidate: null }),
    },
  });
  try {
    await migrate(db);
    await fillReview(db);
    return await measureReview(await app.listen({ host: '127.0.0.1', port: 0 }));
  } finally {
    await app.close();
    await db.close();
    await postgres.process.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
