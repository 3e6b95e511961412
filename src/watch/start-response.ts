import { WorkflowExecutionAlreadyStartedError, type WorkflowClient } from '@temporalio/client';
import type { ModelConfig } from '../config.ts';
import { clipSummary, taskQueue, workflowId } from '../temporal.ts';
import { startDetails } from '../temporal-details.ts';
import type { Incident } from './incidents.ts';

/** Reviewers wait for its answers: what a killed worker held is given to another after this, not after the usual 10 s. */
const workflowTaskTimeout = '3s';

/**
 * Tells the driftResponse of an incident that drift was detected, and starts it when it does not run. One that has ended
 * well is left alone.
 */
export async function startDriftResponse(
  workflows: WorkflowClient,
  { id, model, modelVersion, monitor, detectedAt }: Incident,
  { drift, retrain }: ModelConfig,
): Promise<void> {
  const input = {
    ...{ model, incident: id, monitor, version: modelVersion, minCorrected: retrain.minCorrected },
    graceMs: drift.graceHours * 3_600_000,
    deadlineAt: detectedAt.getTime() + drift.deadlineDays * 86_400_000,
  };
  try {
    await workflows.signalWithStart('driftResponse', {
      workflowId: workflowId.driftResponse(model, id),
      taskQueue,
      workflowTaskTimeout,
      ...{ args: [input], signal: 'detected', signalArgs: [{ incident: id }] },
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      staticSummary: clipSummary(`${model}: drift seen by ${monitor}, incident ${id}`),
      staticDetails: startDetails.driftResponse,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
