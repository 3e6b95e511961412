import { Client, Connection } from '@temporalio/client';
import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import type { ReviewSignals } from '../src/http/review-options.ts';
import { hashUser } from '../src/log/hash-user.ts';
import { startErasure } from '../src/log/start-erasure.ts';
import { sendTrigger } from '../src/retrain/send-trigger.ts';
import { workflowId, type CorrectionsRecorded } from '../src/temporal.ts';
import { getIncident } from '../src/watch/incidents.ts';
import { startDriftResponse } from '../src/watch/start-response.ts';
import { modelSettings } from './deploy.ts';
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
  hashKey: () => Promise<string>;
}): OpenReviewSignals {
  const { config, db, environment } = options;
  const connection = Connection.lazy(requireTemporal(environment));
  const { workflow } = new Client({ connection, namespace: environment.namespace });
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

    async eraseUser(userId, by) {
      const user = hashUser(await options.hashKey(), userId);
      await startErasure(workflow, user, by);
      return user;
    },

    close: () => connection.close(),
  };
}
