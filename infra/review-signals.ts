import {
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { z } from 'zod';
import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import { RelearnError } from '../src/errors.ts';
import type { ReviewSignals } from '../src/http/review-options.ts';
import { hashUser } from '../src/log/hash-user.ts';
import { startErasure } from '../src/log/start-erasure.ts';
import { sendTrigger } from '../src/retrain/send-trigger.ts';
import { taskQueue, workflowId, type CorrectionsRecorded } from '../src/temporal.ts';
import { startDetails } from '../src/temporal-details.ts';
import { getIncident } from '../src/watch/incidents.ts';
import { startDriftResponse } from '../src/watch/start-response.ts';
import { makeClient } from './data-converter.ts';
import { modelSettings } from './deploy.ts';
import type { Environment } from './environment.ts';
import { requireTemporal } from './runtime.ts';

const runStateSchema = z.object({ phase: z.string(), candidate: z.string().nullable() });

export interface OpenReviewSignals extends ReviewSignals {
  close(): Promise<void>;
}

/** What the console tells Temporal. Connects at the first message: the console serves while Temporal is away. */
export function openReviewSignals(options: {
  config: Config;
  db: Database;
  environment: Environment;
  hashKey: () => Promise<string>;
}): OpenReviewSignals {
  const { config, db, environment } = options;
  const connection = Connection.lazy(requireTemporal(environment));
  const { workflow } = makeClient(connection, environment);
  return {
    async correctionsRecorded(model, incident, ids) {
      await workflow
        .getHandle(workflowId.driftResponse(model, incident))
        .signal('correctionsRecorded', { ids: [...ids] } satisfies CorrectionsRecorded);
    },

    async startDriftResponse(model, incident) {
      await startDriftResponse(workflow, await getIncident(db, incident), modelSettings({ config }, model));
    },

    async decide(model, incident, signal, decision) {
      await workflow.getHandle(workflowId.driftResponse(model, incident)).signal(signal, decision);
    },

    triggerRetrain: (model, trigger) => sendTrigger(workflow, model, trigger),

    async runState(model, run) {
      const ask = async (id: string) => runStateSchema.parse(await workflow.getHandle(id).query('state'));
      try {
        return await ask(workflowId.retrainRun(model, run));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
        return ask(workflowId.promote(model)); // a rollout that a person began
      }
    },

    async decideRun(model, run, decision, said) {
      try {
        await workflow.getHandle(workflowId.retrainRun(model, run)).executeUpdate(decision, { args: [said] });
      } catch (cause) {
        if (!(cause instanceof WorkflowUpdateFailedError || cause instanceof WorkflowNotFoundError)) throw cause;
        const message = `Run ${run} of ${model} does not wait for a person, or has its decision already.`;
        throw new RelearnError('run_not_waiting', message, { cause });
      }
    },

    async rollBack(model, decision) {
      await workflow.start('rollback', {
        ...{ workflowId: workflowId.rollback(model), taskQueue, workflowIdConflictPolicy: 'USE_EXISTING' },
        args: [{ model, ...decision }],
        staticSummary: `${model}: back to the version before`,
        staticDetails: startDetails.rollback,
      });
    },

    async promote(model, version, decision) {
      try {
        await workflow.start('promote', {
          ...{ workflowId: workflowId.promote(model), taskQueue, workflowIdConflictPolicy: 'FAIL' },
          args: [{ model, version, ...decision }],
          staticSummary: `${model}: ${version} is to serve`,
          staticDetails: startDetails.promote,
        });
      } catch (cause) {
        if (!(cause instanceof WorkflowExecutionAlreadyStartedError)) throw cause;
        const message = `A version of ${model} is being promoted already. Wait for its end, or roll it back.`;
        throw new RelearnError('promotion_conflict', message, { cause });
      }
    },

    async eraseUser(userId, by) {
      const user = hashUser(await options.hashKey(), userId);
      await startErasure(workflow, user, by);
      return user;
    },

    close: () => connection.close(),
  };
}
