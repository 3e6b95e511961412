import { storeCorrections, type CorrectionStatus } from '../src/correct/corrections.ts';
import type { CorrectionMessage } from '../src/temporal.ts';
import { incidentProgress, listIncidents, setIncidentState, type IncidentState } from '../src/watch/incidents.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createCorrectActivities({ db }: ActivityDependencies) {
  return {
    /** Stores what signals and updates brought. The text of a correction goes no further than the database. */
    async storeCorrections(batch: {
      corrections: CorrectionMessage[];
      source: 'signal' | 'update';
    }): Promise<{ requestId: string; status: CorrectionStatus }[]> {
      const corrections = batch.corrections.map((correction) => ({ ...correction, source: batch.source }));
      const stored = await storeCorrections(db, corrections);
      return stored.map(({ requestId, status }) => ({ requestId, status }));
    },

    /** Rows of the incident, those corrected, and those whose correction differs from the response. */
    async countCorrections({ incident }: { incident: string }): Promise<{
      rows: number;
      corrected: number;
      counted: number;
    }> {
      return incidentProgress(db, incident);
    },

    async listOpenIncidents({ model }: { model: string }): Promise<string[]> {
      return (await listIncidents(db, { model, open: true })).map(({ id }) => id);
    },

    async setIncidentState(change: { incident: string; state: IncidentState; reason: string }): Promise<void> {
      await setIncidentState(db, change.incident, change.state, change.reason);
    },
  };
}
