import type { WorkflowHandle } from '@temporalio/client';

const patienceMs = 10_000;
/** PENDING_WORKFLOW_TASK_STATE_SCHEDULED of the Temporal API: it waits for a worker to take it. */
const scheduled = 1;

/** Waits for `work`; after ten seconds in which no worker takes it, a person is told on stderr. */
export async function tellWithoutWorker<Result>(
  work: Promise<Result>,
  waitsForWorker: () => Promise<boolean>,
): Promise<Result> {
  const timer = setInterval(() => void tell(), patienceMs);
  async function tell(): Promise<void> {
    // Whether Temporal is away is for `work` to say.
    if (!(await waitsForWorker().catch(() => false))) return;
    clearInterval(timer);
    console.error('No worker seems to take it: is `relearn worker` (or `relearn up`) running? Still waiting.');
  }
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Whether a workflow has something to do that no worker has begun. */
export async function waitsForWorker(handle: Pick<WorkflowHandle, 'describe'>): Promise<boolean> {
  const { raw } = await handle.describe();
  return Number(raw.pendingWorkflowTask?.state) === scheduled;
}
