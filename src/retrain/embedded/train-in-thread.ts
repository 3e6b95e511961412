import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { RelearnError } from '../../errors.ts';
import { unpackFailure } from '../../thread-failure.ts';
import type { EncoderJob } from '../encoder/train-encoder.ts';
import type { TrainingJob, TrainingOutcome } from './train-from-files.ts';
import type { ThreadJob, TrainingMessage } from './train-thread.ts';

/**
 * Trains a classifier in a thread of its own and writes it to `job.output`, replacing what is there only when all went
 * well. `onProgress` gets the share of the work done, 0 to 1. An abort ends the thread at once and rejects with the signal's
 * reason. Throws `invalid_rows` for rows it cannot learn from, `internal_error` when the thread dies.
 */
export async function trainEmbedded(
  job: TrainingJob,
  onProgress: (fraction: number) => void = () => {},
  signal?: AbortSignal,
): Promise<TrainingOutcome> {
  return inThread(job.output, (output) => ({ embedded: { ...job, output } }), onProgress, signal);
}

/** The same for a head on a sentence encoder. */
export async function trainEncoderInThread(
  job: EncoderJob,
  onProgress: (fraction: number) => void = () => {},
  signal?: AbortSignal,
): Promise<TrainingOutcome> {
  return inThread(job.output, (output) => ({ encoder: { ...job, output } }), onProgress, signal);
}

async function inThread(
  target: string,
  jobWriting: (output: string) => ThreadJob,
  onProgress: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<TrainingOutcome> {
  signal?.throwIfAborted();
  const partial = `${target}.${randomUUID()}.partial`;
  try {
    const outcome = await runThread(jobWriting(partial), onProgress, signal);
    await rename(partial, target);
    return outcome;
  } finally {
    await rm(partial, { force: true });
  }
}

async function runThread(
  job: ThreadJob,
  onProgress: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<TrainingOutcome> {
  const thread = new Worker(new URL('./train-thread.js', import.meta.url), { name: 'relearn-train' });
  const stop = () => void thread.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  thread.postMessage(job);
  try {
    return await new Promise<TrainingOutcome>((resolve, reject) => {
      // Settled by the thread's end, so that nothing of it still runs or writes afterwards.
      let finish = (code: number): void =>
        reject(new RelearnError('internal_error', `The training thread ended early with exit code ${code}.`));
      thread.on('message', (message: TrainingMessage) => {
        if ('progress' in message) onProgress(message.progress);
        else if ('outcome' in message) finish = () => resolve(message.outcome);
        else finish = () => reject(unpackFailure(message.failure));
      });
      thread.on('error', (error) => {
        finish = () =>
          reject(new RelearnError('internal_error', `The training thread died: ${error.message}`, { cause: error }));
      });
      thread.on('exit', (code) => finish(code));
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
