import { Worker } from 'node:worker_threads';
import type { Card } from '../../correct/fold.ts';
import { RelearnError } from '../../errors.ts';
import { unpackFailure } from '../../thread-failure.ts';
import type { GroupJob, OrderJob, RowGroup } from './jobs.ts';
import type { ClusterMessage } from './thread-entry.ts';

/** `orderForReview` in a thread of its own: seconds of work for thousands of rows. An abort ends it at once. */
export async function orderInThread(job: OrderJob, signal?: AbortSignal): Promise<Card[]> {
  const message = await runInThread(job, signal);
  if ('cards' in message) return message.cards;
  throw new RelearnError('internal_error', 'The clustering thread answered something else than cards.');
}

/** `groupRows` in a thread of its own. */
export async function groupInThread(job: GroupJob, signal?: AbortSignal): Promise<RowGroup[]> {
  const message = await runInThread(job, signal);
  if ('groups' in message) return message.groups;
  throw new RelearnError('internal_error', 'The clustering thread answered something else than groups.');
}

async function runInThread(job: OrderJob | GroupJob, signal?: AbortSignal): Promise<ClusterMessage> {
  signal?.throwIfAborted();
  const thread = new Worker(new URL('./thread-entry.js', import.meta.url), { name: 'relearn-clusters' });
  thread.postMessage(job);
  const ended = new AbortController();
  try {
    const message = await new Promise<ClusterMessage>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => reject(new RelearnError('internal_error', 'The clustering thread ended early.')));
      // Ends with this call, or each call would leave a listener on the caller's signal.
      signal?.addEventListener('abort', () => void thread.terminate(), { once: true, signal: ended.signal });
    });
    if ('failure' in message) throw unpackFailure(message.failure);
    return message;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
    await thread.terminate();
  }
}
