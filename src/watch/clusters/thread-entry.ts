/** Entry of the thread: `inThread` sends it one job and reads what it posts. */
import { parentPort } from 'node:worker_threads';
import type { Card } from '../../correct/fold.ts';
import { packFailure, type ThreadFailure } from '../../thread-failure.ts';
import { groupRows, orderForReview, type GroupJob, type OrderJob, type RowGroup } from './jobs.ts';

export type ClusterMessage = { cards: Card[] } | { groups: RowGroup[] } | { failure: ThreadFailure };

function work(job: OrderJob | GroupJob): ClusterMessage {
  try {
    return job.kind === 'order' ? { cards: orderForReview(job) } : { groups: groupRows(job) };
  } catch (error) {
    return { failure: packFailure(error) };
  }
}

parentPort?.once('message', (job: OrderJob | GroupJob) => parentPort?.postMessage(work(job)));
