import { mkdir } from 'node:fs/promises';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { Config } from '../src/config.ts';
import type { DatabasePool } from '../src/database.ts';
import type { PayloadKey } from '../src/payload/keys.ts';
import { loadOnnxModelInThread } from '../src/serve/onnx-thread.ts';
import { taskQueue, trainingTaskQueue } from '../src/temporal.ts';
import { openAnswering } from './answering.ts';
import { workflowBundles } from './bundle-workflows.ts';
import { readCertificateKeys } from './certificate-keys.ts';
import { makeDataConverter } from './data-converter.ts';
import { trainerEnvironment, type TemporalConnection } from './environment.ts';
import type { Logger } from './logger.ts';
import { statePaths } from './state-paths.ts';
import { findConsoleUrl } from './web-addresses.ts';

export interface WorkerSetup {
  config: Config;
  db: DatabasePool;
  temporal: TemporalConnection;
  namespace: string;
  hashKey: string;
  /** What payloads are encrypted with; none: they are not. */
  payloadKeys?: readonly PayloadKey[] | undefined;
  /** Where `relearn up` serves the console, when it does. */
  consoleUrl?: string | undefined;
  secret: (name: string) => string | undefined;
  logger: Logger;
}

export interface RunningWorker {
  /** Ends when both task queues have stopped; rejects when one of them failed. */
  done: Promise<void>;
  /** Takes no new task, lets running activities end within the grace time, and frees everything. */
  stop(): Promise<void>;
}

/** Workflow histories are small; 200 cached ones cost about 100 MB. */
const maxCachedWorkflows = 200;
/** A workflow waits so long for the worker that has it in memory, before another takes it up: 10 s by default. */
const stickyQueueScheduleToStartTimeout = '1s';

/**
 * Runs workflows and short activities on `relearn` and trainers on `relearn-training`. The connection must be up:
 * callers retry.
 */
export async function startWorker(setup: WorkerSetup): Promise<RunningWorker> {
  const { config, db, logger, payloadKeys = [] } = setup;
  const paths = statePaths(config);
  await mkdir(paths.scratch, { recursive: true });
  await mkdir(paths.datasets, { recursive: true });
  const answering = await openAnswering({ ...setup, load: loadOnnxModelInThread });
  const { artifacts, answerer, log } = answering;
  const activities = createActivities({
    ...{ config, db, artifacts, answerer, writer: log, logger, hashKey: setup.hashKey },
    certificateKeys: await readCertificateKeys(config, setup.secret),
    ...{ datasetDirectory: paths.datasets, scratchDirectory: paths.scratch },
    consoleUrl: findConsoleUrl(config, setup.consoleUrl),
    ...{ secret: setup.secret, environment: trainerEnvironment(config) },
  });

  const connection = await NativeConnection.connect(setup.temporal);
  const common = {
    ...{ connection, namespace: setup.namespace, activities },
    dataConverter: makeDataConverter(payloadKeys),
    ...{ shutdownGraceTime: '5s', shutdownForceTime: '10s', maxHeartbeatThrottleInterval: '500ms' },
  } satisfies Partial<WorkerOptions>;
  const workers = [
    await Worker.create({
      ...{ ...common, taskQueue, maxCachedWorkflows, stickyQueueScheduleToStartTimeout },
      workflowBundle: { codePath: payloadKeys.length > 0 ? workflowBundles.encrypting : workflowBundles.plain },
    }),
    await Worker.create({ ...common, taskQueue: trainingTaskQueue, maxConcurrentActivityTaskExecutions: 1 }),
  ];
  const running = Promise.all(workers.map((worker) => worker.run()));
  const done = running
    .then(() => {})
    .finally(async () => {
      await answering.close();
      await connection.close();
    });
  return {
    done,
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
  };
}
