import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database.ts';

const lookEveryMs = 100;

/**
 * Runs `work` while nobody else registers or revises a dataset of this database: two erasures that revise one dataset at
 * once would each bring back what the other removed. Who waits holds no connection.
 */
export async function withDatasetsLocked<Result>(db: Database, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const done = await db.transaction(async (tx) => {
      // A machine that vanishes gives the lock up within a minute, and not after the two hours of TCP.
      await tx.query(
        'set local tcp_keepalives_idle = 15; set local tcp_keepalives_interval = 15; set local tcp_keepalives_count = 3',
      );
      const [lock] = await tx.query<{ taken: boolean }>(
        `select pg_try_advisory_xact_lock(hashtextextended('relearn.datasets', 0)) as taken`,
      );
      return lock?.taken === true ? { result: await work() } : null;
    });
    if (done !== null) return done.result;
    await sleep(lookEveryMs);
  }
}
