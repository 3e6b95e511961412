import { activityInfo } from '@temporalio/activity';
import type { Actor } from '../src/audit.ts';
import { storeCorrections, type CorrectionStatus } from '../src/correct/corrections.ts';
import { noteTyped, unreadable } from '../src/correct/typed-corrections.ts';
import { redactToStore } from '../src/log/redact/index.ts';
import type { CorrectionMessage } from '../src/temporal.ts';
import {
  incidentProgress,
  listIncidents,
  setIncidentState,
  type IncidentProgress,
  type IncidentState,
} from '../src/watch/incidents.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export function createCorrectActivities({ db, consoleUrl }: ActivityDependencies) {
  return {
    /** Stores what signals and updates brought. The text of a correction goes no further than the database. */
    async storeCorrections(batch: {
      corrections: CorrectionMessage[];
      source: 'signal' | 'update';
    }): Promise<{ requestId: string; status: CorrectionStatus }[]> {
      const corrections = batch.corrections.map((correction) => ({ ...correction, source: batch.source }));
      const { attempt, scheduledTimestampMs } = activityInfo();
      const since = attempt > 1 ? new Date(scheduledTimestampMs) : undefined;
      const requestIds = corrections.map(({ requestId }) => requestId);
      const stored = await withHeartbeat(async () => {
        await noteTyped(db, ownWorkflow(), requestIds);
        return storeCorrections(db, corrections, { since });
      });
      return stored.map(({ requestId, status }) => ({ requestId, status }));
    },

    /** The workflow that asks was sent a message that nobody can read: what was typed is in its history all the same. */
    async noteUnreadable(): Promise<void> {
      await withHeartbeat(() => noteTyped(db, ownWorkflow(), [unreadable]));
    },

    async countCorrections({ incident }: { incident: string }): Promise<IncidentProgress & { console?: string }> {
      const progress = await withHeartbeat(() => incidentProgress(db, incident));
      return { ...progress, console: consoleUrl };
    },

    async listOpenIncidents({ model }: { model: string }): Promise<string[]> {
      return (await listIncidents(db, { model, open: true })).map(({ id }) => id);
    },

    /** It stays as it is when drift was seen again in the grace time. A person's reason is stored redacted. */
    async setIncidentState(change: {
      incident: string;
      state: IncidentState;
      reason: string;
      by?: Actor;
    }): Promise<'moved' | 'stays'> {
      const { incident, state, by = null } = change;
      const reason = await redactToStore((redact) => redact(change.reason));
      const { state: now } = await setIncidentState(db, incident, state, { reason, by });
      return now === state ? 'moved' : 'stays';
    },
  };
}

function ownWorkflow(): string {
  return activityInfo().workflowExecution?.workflowId ?? '';
}
