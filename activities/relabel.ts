import { Context, getClient } from '@temporalio/activity';
import { listKnownLabels } from '../src/correct/known-labels.ts';
import { openStrongerModel } from '../src/correct/relabel/ask.ts';
import { relabelQueue, type Relabelled } from '../src/correct/relabel/relabel.ts';
import { tellIncidents, type CorrectionSignal } from '../src/correct/tell-incidents.ts';
import { workflowId, type CorrectionsRecorded } from '../src/temporal.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export function createRelabelActivities({ config, db, secret }: ActivityDependencies) {
  const signal: CorrectionSignal = {
    async correctionsRecorded(model, incident, ids) {
      const handle = getClient().workflow.getHandle(workflowId.driftResponse(model, incident));
      await handle.signal('correctionsRecorded', { ids: [...ids] } satisfies CorrectionsRecorded);
    },
  };

  return {
    /**
     * Lets the stronger model of `relabel` propose completions for the queue, within its budget an hour. Null when the
     * model has none. Run twice, it asks about no row twice.
     */
    async proposeCompletions({ model }: { model: string }): Promise<Relabelled | null> {
      const settings = config.models[model];
      if (settings?.relabel === undefined) return null;
      const labels = settings.serve.kind === 'onnx' ? await listKnownLabels(db, model) : null;
      const stronger = openStrongerModel(settings.relabel, { labels, secret });
      const { maxPerHour } = settings.relabel;
      const { cancellationSignal } = Context.current();
      try {
        return await withHeartbeat(() =>
          relabelQueue(db, stronger, {
            ...{ model, labels, maxPerHour, signal: cancellationSignal },
            onStored: (stored) => tellIncidents(db, signal, stored),
          }),
        );
      } finally {
        await stronger.close();
      }
    },
  };
}
