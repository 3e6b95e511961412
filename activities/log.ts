import { dropExpiredPartitions, ensureAhead } from '../src/log/partitions.ts';
import type { ActivityDependencies } from './dependencies.ts';

const hoursAhead = 26;

export function createLogActivities({ config, db }: ActivityDependencies) {
  return {
    /** Makes the partitions to come and drops those past their time. Answers the names of the dropped. */
    async rotateLog(): Promise<string[]> {
      const { hotWindowHours, retentionDays } = config.log;
      await ensureAhead(db, hoursAhead);
      return dropExpiredPartitions(db, { hotWindowHours, retentionDays, now: new Date() });
    },
  };
}
