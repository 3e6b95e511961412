import type { Database } from '../database.ts';
import { listIncidents } from '../watch/incidents.ts';
import type { StoredCorrection } from './corrections.ts';

/** Sends `correctionsRecorded` to the driftResponse of an incident. */
export interface CorrectionSignal {
  correctionsRecorded(model: string, incident: string, ids: readonly string[]): Promise<void>;
}

/**
 * Tells the driftResponse of each open incident, once per model, that corrections are stored. Repeated ones are told
 * too: the first time, Temporal may not have answered.
 */
export async function tellIncidents(
  db: Database,
  signal: CorrectionSignal,
  stored: readonly StoredCorrection[],
): Promise<void> {
  const idsByModel = new Map<string, Set<string>>();
  for (const { model, id, status } of stored) {
    if (model === null || (status !== 'stored' && status !== 'repeated')) continue;
    const ids = idsByModel.get(model) ?? new Set();
    idsByModel.set(model, ids.add(id));
  }
  if (idsByModel.size === 0) return;
  const incidents = await listIncidents(db, { open: true });
  await Promise.all(
    incidents.map(async ({ id: incident, model }) => {
      const ids = idsByModel.get(model);
      if (ids !== undefined) await signal.correctionsRecorded(model, incident, [...ids]);
    }),
  );
}
