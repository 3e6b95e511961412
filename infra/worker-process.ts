import { setTimeout as sleep } from 'node:timers/promises';
import { Runtime as TemporalRuntime } from '@temporalio/worker';
import { errorMessage } from '../src/errors.ts';
import { temporalLogger } from './logger.ts';
import type { Logger } from './logger.ts';
import { connectTemporal, requireTemporal } from './runtime.ts';
import type { Runtime } from './runtime.ts';
import { startWorker } from './worker.ts';
import type { RunningWorker } from './worker.ts';

/** Runs the worker of the runtime. Waits for Temporal when it does not answer yet; `cancelled` ends the waiting. */
export async function startWorkerProcess(
  runtime: Runtime,
  logger: Logger,
  cancelled: AbortSignal,
): Promise<RunningWorker> {
  const { config, db, environment } = runtime;
  const hashKey = await runtime.hashKey();
  const temporal = requireTemporal(environment);
  // Signals are ours: the SDK's own handling would stop the worker before we know.
  TemporalRuntime.install({ logger: temporalLogger(logger), shutdownSignals: [] });
  await untilTemporalAnswers(runtime, logger, cancelled);
  const { namespace, secret, payloadKeys, consoleUrl } = environment;
  return startWorker({ config, db, temporal, namespace, hashKey, payloadKeys, consoleUrl, secret, logger });
}

async function untilTemporalAnswers(runtime: Runtime, logger: Logger, cancelled: AbortSignal): Promise<void> {
  for (;;) {
    cancelled.throwIfAborted();
    try {
      const { connection } = await connectTemporal(runtime.environment);
      await connection.close();
      return;
    } catch (error) {
      logger.warn({ problem: errorMessage(error) }, 'Temporal does not answer; trying again in a second');
      await sleep(1000, undefined, { signal: cancelled });
    }
  }
}
