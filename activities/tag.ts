import { RelearnError } from '../src/errors.ts';
import { pinIncidentRows } from '../src/watch/incident-rows.ts';
import { getIncident } from '../src/watch/incidents.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export function createTagActivities({ config, db }: ActivityDependencies) {
  return {
    /** Brings the rows of an incident into `samples` and tags them `drift_window` or `post_drift`. May run again. */
    async keepIncidentRows({ incident }: { incident: string }): Promise<void> {
      const found = await getIncident(db, incident);
      const model = config.models[found.model];
      if (model === undefined) throw new RelearnError('model_not_found', `Model ${found.model} is not configured.`);
      await withHeartbeat((tell) => pinIncidentRows(db, found, { maxPinned: model.drift.maxPinned, onBatch: tell }));
    },
  };
}
