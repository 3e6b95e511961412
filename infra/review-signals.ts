import { Client, Connection, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import type { ReviewSignals } from '../src/http/review-options.ts';
import { taskQueue, workflowId } from '../src/temporal.ts';
import { getIncident } from '../src/watch/incidents.ts';
import type { Environment } from './environment.ts';
import { requireTemporal } from './runtime.ts';

export interface OpenReviewSignals extends ReviewSignals {
  close(): Promise<void>;
}

/** What the console tells Temporal. Connects at the first message: the console serves while Temporal is away. */
export function openReviewSignals(options: {
  config: Config;
  db: Database;
  environment: Environment;
}): OpenReviewSignals {
  const { config, db, environment } = options;
  const connection = Connection.lazy(requireTemporal(environment));
  const { workflow } = new Client({ connection, namespace: environment.namespace });
  return {
    async correctionsRecorded(model, incident, ids) {
      await workflow.getHandle(workflowId.driftResponse(model, incident)).signal('correctionsRecorded', { ids });
    },

    async startDriftResponse(model, incident) {
      const settings = config.models[model];
      if (settings === undefined) return;
      const { drift, retrain } = settings;
      const { monitor, detectedAt } = await getIncident(db, incident);
      const input = {
        ...{ model, incident, monitor, minCorrected: retrain.minCorrected },
        graceMs: drift.graceHours * 3_600_000,
        deadlineAt: detectedAt.getTime() + drift.deadlineDays * 86_400_000,
      };
      try {
        await workflow.start('driftResponse', {
          workflowId: workflowId.driftResponse(model, incident),
          taskQueue,
          args: [input],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
          staticSummary: `${model}: drift seen by ${monitor}, incident ${incident}`,
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },

    async triggerRetrain(model, trigger) {
      await workflow.signalWithStart('retrain', {
        workflowId: workflowId.retrain(model),
        taskQueue,
        args: [{ model }],
        signal: 'trigger',
        signalArgs: [trigger],
        staticSummary: `${model}: one retrain at a time`,
      });
    },

    close: () => connection.close(),
  };
}
