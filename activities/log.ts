import { removeDrafts } from '../src/convert/drafts.ts';
import { deleteLeftovers } from '../src/log/leftovers.ts';
import { dropExpiredCounts, dropExpiredPartitions, ensureAhead } from '../src/log/partitions.ts';
import { drawReservoirs } from '../src/log/reservoir.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

const hoursAhead = 26;

export function createLogActivities({ config, db, hashKey, datasetDirectory }: ActivityDependencies) {
  return {
    /** Draws the healthy rows of the hours that have closed, where a reservoir is configured. Answers rows by model. */
    async drawReservoirs(): Promise<Record<string, number>> {
      return withHeartbeat(async () => {
        const drawn: Record<string, number> = {};
        for (const [model, { sampling }] of Object.entries(config.models)) {
          const { reservoirPerHour: perHour } = sampling;
          if (perHour === undefined) continue;
          const draws = await drawReservoirs(db, { model, perHour, hashKey, now: new Date() });
          drawn[model] = draws.reduce((sum, draw) => sum + draw.drawn, 0);
        }
        return drawn;
      });
    },

    /** Makes the partitions to come and drops those past their time. Answers the names of the dropped. */
    async rotateLog(): Promise<string[]> {
      const { hotWindowHours, retentionDays } = config.log;
      const now = new Date();
      await ensureAhead(db, hoursAhead);
      await dropExpiredCounts(db, { retentionDays, now });
      return dropExpiredPartitions(db, { hotWindowHours, retentionDays, now });
    },

    /**
     * Deletes what was said of rows that are gone, and what killed builds left of their datasets. Answers deleted rows by
     * table, and drafts.
     */
    async deleteLeftovers(): Promise<Record<string, number>> {
      const { hotWindowHours, retentionDays } = config.log;
      return withHeartbeat(async (tell) => {
        const drafts = await removeDrafts(datasetDirectory);
        const deleted = await deleteLeftovers(db, { hotWindowHours, retentionDays, now: new Date() }, tell);
        return { ...deleted, ...(drafts === 0 ? {} : { drafts }) };
      });
    },
  };
}
