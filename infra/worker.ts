import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { Config } from '../src/config.ts';
import type { DatabasePool } from '../src/database.ts';
import { redactText } from '../src/log/redact/index.ts';
import { openLogWriter } from '../src/log/writer.ts';
import { openArtifactDirectory } from '../src/promote/artifacts.ts';
import { createAnswerer } from '../src/serve/answer.ts';
import { followChampions } from '../src/serve/champions.ts';
import { loadOnnxModelInThread } from '../src/serve/onnx-thread.ts';
import { openVersions } from '../src/serve/versions.ts';
import { taskQueue, trainingTaskQueue } from '../src/temporal.ts';
import type { TemporalConnection } from './environment.ts';
import type { Logger } from './logger.ts';
import { statePaths } from './state-paths.ts';

export interface WorkerSetup {
  config: Config;
  db: DatabasePool;
  temporal: TemporalConnection;
  namespace: string;
  hashKey: string;
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

/**
 * Runs workflows and short activities on `relearn` and trainers on `relearn-training`. The connection must be up:
 * callers retry.
 */
export async function startWorker(setup: WorkerSetup): Promise<RunningWorker> {
  const { config, db, logger } = setup;
  const paths = statePaths(config);
  await mkdir(paths.scratch, { recursive: true });
  await mkdir(paths.datasets, { recursive: true });
  const artifacts = openArtifactDirectory(paths.artifacts);
  const writer = openLogWriter({ ...config.log, db, logger });
  const loading = { artifacts, models: config.models, load: loadOnnxModelInThread, secret: setup.secret, db, logger };
  const champions = followChampions(loading);
  const versions = openVersions(loading);
  const answerer = createAnswerer({ champions, versions, config, writer, redact: redactText, hashKey: setup.hashKey });
  const activities = createActivities({
    ...{ config, db, artifacts, answerer, logger },
    ...{ datasetDirectory: paths.datasets, scratchDirectory: paths.scratch },
  });

  const connection = await NativeConnection.connect(setup.temporal);
  const common = {
    ...{ connection, namespace: setup.namespace, activities },
    ...{ shutdownGraceTime: '5s', shutdownForceTime: '10s', maxHeartbeatThrottleInterval: '2s' },
  } satisfies Partial<WorkerOptions>;
  const workers = [
    await Worker.create({ ...common, taskQueue, maxCachedWorkflows, workflowsPath: workflowsPath() }),
    await Worker.create({ ...common, taskQueue: trainingTaskQueue, maxConcurrentActivityTaskExecutions: 1 }),
  ];
  await champions.refresh();
  const running = Promise.all(workers.map((worker) => worker.run()));
  const done = running
    .then(() => {})
    .finally(async () => {
      await Promise.all([champions.close(), versions.close(), writer.close()]);
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

function workflowsPath(): string {
  return fileURLToPath(new URL('../workflows/index.js', import.meta.url));
}
