import { ActivityFailure, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

/** Clustering thousands of rows takes seconds; three attempts, as the next order is not far. */
const ordering = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  scheduleToCloseTimeout: '10m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumAttempts: 3 },
});

/** Makes the order of the review queue anew. Without it the queue still works, in the order it had: nothing fails. */
export async function orderReviews(model: string): Promise<void> {
  try {
    await ordering.orderReviews({ model });
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  }
}
