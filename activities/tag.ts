import { activityInfo } from '@temporalio/activity';
import { z } from 'zod';
import { RelearnError } from '../src/errors.ts';
import { pinIncidentRows } from '../src/watch/incident-rows.ts';
import { getIncident } from '../src/watch/incidents.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

/** What `pinIncidentRows` told of its last batch. */
const lastHeartbeat = z.object({ after: z.string().optional() }).catch({});

export function createTagActivities({ config, db }: Pick<ActivityDependencies, 'config' | 'db'>) {
  return {
    /**
     * Brings the rows of an incident into `samples` and tags them `drift_window` or `post_drift`. May run again; an
     * attempt goes on where the one before it was lost.
     */
    async keepIncidentRows({ incident }: { incident: string }): Promise<void> {
      const found = await getIncident(db, incident);
      const model = config.models[found.model];
      if (model === undefined) throw new RelearnError('model_not_found', `Model ${found.model} is not configured.`);
      const { hotWindowHours } = config.log;
      const done = lastHeartbeat.parse(activityInfo().heartbeatDetails ?? {});
      const options = { maxPinned: model.drift.maxPinned, hotWindowHours, after: done.after };
      await withHeartbeat((tell) => pinIncidentRows(db, found, { ...options, onBatch: tell }), done);
    },
  };
}
