import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowId, type CorrectionMessage } from '../../src/temporal.ts';
import { StoryEnded, waitFor } from './patience.ts';
import type { IncidentView, ReviewApi } from './review-api.ts';
import type { Production } from './traffic.ts';

export interface Desk {
  model: string;
  incident: string;
  /** Rows that count before a retrain is triggered. */
  minCorrected: number;
  api: ReviewApi;
  temporal: Client;
  production: Production;
  signal: AbortSignal;
}

const inFlight = 8;
const signalsPerSecond = 50;
/** The most that the review API gives at once. */
const pageSize = 500;
const signalsPerLook = 50;
const operator = 'demo-reviewer';

/**
 * The simulated reviewer: answers up to `atMost` rows from the top of the incident's review queue with what is true,
 * also where the model was right, each as a signal `correction` to the incident's workflow, as a review tool would.
 * Stops when enough are stored for a retrain. Returns the incident as it then is.
 */
export async function reviewQueue(desk: Desk, atMost: number): Promise<IncidentView> {
  for (let left = atMost; left > 0;) {
    const corrections = await nextPage(desk, left);
    if (corrections.length === 0) break;
    left -= corrections.length;
    const { corrected: before } = await readIncident(desk);
    for (let start = 0; start < corrections.length; start += signalsPerLook) {
      await sendSignals(desk, corrections.slice(start, start + signalsPerLook));
      const now = await readIncident(desk);
      if (isEnough(desk, now)) return now;
    }
    const { signal } = desk;
    await waitFor({ what: 'the corrections to be stored', timeoutMs: 120_000, signal }, async () => {
      const { corrected } = await readIncident(desk);
      return corrected >= before + corrections.length ? true : undefined;
    });
    const now = await readIncident(desk);
    if (isEnough(desk, now)) return now;
  }
  return readIncident(desk);
}

/** Whether enough is corrected: the workflow has triggered a retrain, or is about to. */
export function isEnough({ minCorrected }: Desk, incident: IncidentView): boolean {
  return isTriggered(incident) || incident.counted >= minCorrected;
}

/** What waits at the top of the queue, with its answers. A row nobody knows the truth of is passed over. */
async function nextPage(
  { model, incident, api, production, signal }: Desk,
  rows: number,
): Promise<CorrectionMessage[]> {
  const limit = Math.min(pageSize, rows);
  // The log writes in batches, and the incident's workflow brings in what came before it.
  const { requestIds } = await waitFor({ what: 'rows to review', timeoutMs: 120_000, signal }, async () => {
    const queue = await api.queue(model, incident, limit);
    return queue.waiting >= limit ? queue : undefined;
  });
  return requestIds.flatMap((requestId) => {
    const truth = production.answered.get(requestId)?.truth;
    return truth === undefined ? [] : [{ requestId, completion: truth, operator }];
  });
}

/** Whether a retrain was asked for: the incident has left collecting, or is back at it after a run. */
export function isTriggered({ state, reason }: IncidentView): boolean {
  if (state === 'closed') throw new StoryEnded(`The incident closed before a retrain: ${reason ?? 'no reason given'}.`);
  return state !== 'open' && (state !== 'collecting' || endedRun(reason));
}

/** An incident that a run did not end takes corrections again, and says so. */
export const endedRun = (reason: string | null): boolean => reason?.startsWith('run ') === true;

export async function readIncident({ model, incident, api, signal }: Desk): Promise<IncidentView> {
  return waitFor({ what: 'the review API', timeoutMs: 60_000, signal }, async () => {
    const latest = await api.incident(model);
    return latest?.id === incident ? latest : undefined;
  });
}

async function sendSignals(
  { model, incident, temporal, signal }: Desk,
  corrections: readonly CorrectionMessage[],
): Promise<void> {
  const handle = temporal.workflow.getHandle(workflowId.driftResponse(model, incident));
  const started = performance.now();
  let next = 0;
  const sendInTurn = async () => {
    for (let index = next++; index < corrections.length; index = next++) {
      const early = (index / signalsPerSecond) * 1000 - (performance.now() - started);
      if (early > 0) await sleep(early, undefined, { signal });
      // Sent twice, a correction counts once.
      await waitFor({ what: 'Temporal to take a correction', timeoutMs: 60_000, signal }, async () => {
        await handle.signal('correction', corrections[index]);
        return true;
      });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sendInTurn));
}
