/** Entry of the training thread: `trainEmbedded` sends it one job and reads what it posts. */
import { parentPort } from 'node:worker_threads';
import { packFailure, type ThreadFailure } from '../../thread-failure.ts';
import { trainFromFiles, type TrainingJob, type TrainingOutcome } from './train-from-files.ts';

export type TrainingMessage = { progress: number } | { outcome: TrainingOutcome } | { failure: ThreadFailure };

function post(message: TrainingMessage): void {
  parentPort?.postMessage(message);
}

async function run(job: TrainingJob): Promise<void> {
  try {
    post({ outcome: await trainFromFiles(job, (progress) => post({ progress })) });
  } catch (error) {
    post({ failure: packFailure(error) });
  }
}

parentPort?.once('message', (job: TrainingJob) => void run(job));
