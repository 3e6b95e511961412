import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { RelearnError } from '../../errors.ts';
import type { JobsConfig } from '../config.ts';
import { isOver, type Trainer } from '../trainer.ts';
import { openFineTuningApi, redactedReason, type FineTuningApi, type FineTuningJob } from './fine-tuning-api.ts';
import type { JobStore } from './job-store.ts';

export type { JobStore } from './job-store.ts';

export interface JobsParts {
  secret: (name: string) => string | undefined;
  jobs: JobStore;
}

/**
 * A trainer behind a fine-tuning API. A run has one job: known from Postgres, or found at the API by the run's key when a worker
 * died between creating it and saying so. An abort cancels it, unless another worker takes over. Throws `trainer_failed` when the job fails.
 */
export function createJobsTrainer(config: JobsConfig, { secret, jobs }: JobsParts): Trainer {
  return async ({ corrected, replay }, base, onProgress, signal) => {
    const started = performance.now();
    if (corrected === undefined) {
      throw new RelearnError(
        'invalid_arguments',
        'A fine-tuning API learns from corrected rows only: there is no first version to train. Deploy the upstream as it is.',
      );
    }
    const apiKey = config.apiKeyEnv === undefined ? undefined : secret(config.apiKeyEnv);
    const api = openFineTuningApi(config, apiKey, signal);
    // Vendors cut a suffix at 18 characters or so; metadata holds the whole key where they keep it.
    const suffix = `rl-${createHash('sha256').update(base.key).digest('hex').slice(0, 12)}`;
    const id = await jobs.find(base.key);
    let job =
      id !== null
        ? await api.get(id)
        : ((await api.find(base.key, suffix)) ??
          (await submit(api, await joinFiles(corrected, replay, base.folder), base.key, suffix, config.seed)));
    await jobs.save(base.key, job.id, config.url);
    try {
      while (!hasEnded(job)) {
        onProgress(0);
        await wait(config.pollSeconds * 1000, undefined, { signal });
        job = await api.get(job.id);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      if (isOver(signal)) await cancelQuietly(api, job.id);
      throw signal.reason;
    }
    const upstreamModel = job.fine_tuned_model;
    if (job.status !== 'succeeded' || !upstreamModel) {
      const why = await redactedReason(job.error?.message);
      throw new RelearnError(
        'trainer_failed',
        `Fine-tuning job ${job.id} ended as ${job.status}.${why === '' ? '' : ` The API says: ${why}`}`,
      );
    }
    onProgress(1);
    const seconds = (performance.now() - started) / 1000;
    return { kind: 'upstream', lowConfidenceBelow: null, seconds, metadata: { upstreamModel, job: job.id } };
  };
}

/** A job has one file: the corrected rows, and those that are replayed against forgetting. Vendors shuffle. */
async function joinFiles(corrected: string, replay: string | undefined, folder: string): Promise<string> {
  if (replay === undefined) return corrected;
  const joined = join(folder, 'upload.jsonl');
  await copyFile(corrected, joined);
  await pipeline(createReadStream(replay), createWriteStream(joined, { flags: 'a' }));
  return joined;
}

async function submit(
  api: FineTuningApi,
  file: string,
  key: string,
  suffix: string,
  seed: number,
): Promise<FineTuningJob> {
  return api.create({ file: await api.upload(file), key, suffix, seed });
}

function hasEnded({ status }: FineTuningJob): boolean {
  return ['succeeded', 'failed', 'cancelled'].includes(status);
}

/** One that has ended meanwhile cannot be cancelled, which is as good. */
async function cancelQuietly(api: FineTuningApi, id: string): Promise<void> {
  await api.cancel(id).catch(() => undefined);
}
