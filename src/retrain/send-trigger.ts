import type { WorkflowClient } from '@temporalio/client';
import { taskQueue, workflowId, type RetrainTrigger } from '../temporal.ts';
import { startDetails } from '../temporal-details.ts';

/** Hands a trigger to the model's one retrain workflow, which is started when it does not run. */
export async function sendTrigger(workflows: WorkflowClient, model: string, trigger: RetrainTrigger): Promise<void> {
  await workflows.signalWithStart('retrain', {
    workflowId: workflowId.retrain(model),
    taskQueue,
    args: [{ model }],
    signal: 'trigger',
    signalArgs: [trigger],
    staticSummary: `${model}: one retrain at a time`,
    staticDetails: startDetails.retrain,
  });
}
