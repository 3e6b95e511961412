/** Entry of the training thread: `trainInThread` sends it one job and reads what it posts. */
import { parentPort } from 'node:worker_threads';
import { packFailure, type ThreadFailure } from '../../thread-failure.ts';
import { trainEncoder, type EncoderJob } from '../encoder/train-encoder.ts';
import { trainFromFiles, type TrainingJob, type TrainingOutcome } from './train-from-files.ts';

export type ThreadJob = { embedded: TrainingJob } | { encoder: EncoderJob };

export type TrainingMessage = { progress: number } | { outcome: TrainingOutcome } | { failure: ThreadFailure };

function post(message: TrainingMessage): void {
  parentPort?.postMessage(message);
}

async function run(job: ThreadJob): Promise<void> {
  const onProgress = (progress: number) => post({ progress });
  try {
    const training =
      'embedded' in job ? trainFromFiles(job.embedded, onProgress) : trainEncoder(job.encoder, onProgress);
    post({ outcome: await training });
  } catch (error) {
    post({ failure: packFailure(error) });
  }
}

parentPort?.once('message', (job: ThreadJob) => void run(job));
