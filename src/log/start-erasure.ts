import type { WorkflowClient, WorkflowHandle } from '@temporalio/client';
import { taskQueue, workflowId } from '../temporal.ts';
import { startDetails } from '../temporal-details.ts';

/** Starts the erasure of a user; one that is under way goes on. */
export async function startErasure(workflow: WorkflowClient, userIdHash: string, by: string): Promise<WorkflowHandle> {
  return workflow.start('eraseUser', {
    ...{ workflowId: workflowId.eraseUser(userIdHash), taskQueue, workflowIdConflictPolicy: 'USE_EXISTING' },
    args: [{ userIdHash, by }],
    staticSummary: `erase user ${userIdHash}`,
    staticDetails: startDetails.eraseUser,
  });
}
