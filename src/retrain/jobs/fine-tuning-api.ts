import { openAsBlob } from 'node:fs';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import { redactToStore } from '../../log/redact/index.ts';
import type { JobsConfig } from '../config.ts';

const jobSchema = z.object({
  id: z.string().min(1),
  status: z.string(),
  fine_tuned_model: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  user_provided_suffix: z.string().nullish(),
  error: z.object({ message: z.string().nullish() }).nullish(),
});
export type FineTuningJob = z.output<typeof jobSchema>;
const jobList = z.object({ data: z.array(jobSchema), has_more: z.boolean().nullish() });
const uploaded = z.object({ id: z.string().min(1) });

/** Metadata key that names the run to the API. */
const runKey = 'relearn_run';
const answerWithinMs = 60_000;
const jobsPerPage = 100;
/** A job of ours is among the latest: it was made minutes before the worker died. */
const mostPages = 10;

export interface FineTuningApi {
  upload(file: string): Promise<string>;
  create(job: { file: string; key: string; suffix: string; seed: number }): Promise<FineTuningJob>;
  /** The job that was created with this key, or null. */
  find(key: string, suffix: string): Promise<FineTuningJob | null>;
  get(id: string): Promise<FineTuningJob>;
  cancel(id: string): Promise<void>;
}

/**
 * The part of OpenAI's fine-tuning API that a training needs: `/files` and `/fine_tuning/jobs`. Throws `upstream_failed` (worth
 * another try) and `trainer_failed` (not).
 */
export function openFineTuningApi(config: JobsConfig, apiKey: string | undefined, signal: AbortSignal): FineTuningApi {
  const base = config.url.replace(/\/$/, '');
  const authorization: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };

  async function ask<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    request: { method?: string; body?: FormData | string; unstoppable?: boolean } = {},
  ): Promise<z.output<Schema>> {
    const timeout = AbortSignal.timeout(answerWithinMs);
    const json: Record<string, string> = typeof request.body === 'string' ? { 'content-type': 'application/json' } : {};
    const response = await fetch(`${base}${path}`, {
      method: request.method ?? 'GET',
      headers: { ...authorization, ...json },
      signal: request.unstoppable === true ? timeout : AbortSignal.any([signal, timeout]),
      ...(request.body === undefined ? {} : { body: request.body }),
    }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new RelearnError('upstream_failed', `The fine-tuning API does not answer ${path}. Is its url right?`, {
        cause,
      });
    });
    const text = await response.text();
    if (!response.ok) throw await refused(path, response.status, text);
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new RelearnError('trainer_failed', `The fine-tuning API answered ${path} in a form that is not OpenAI's.`);
  }

  const isOurs = (job: FineTuningJob, key: string, suffix: string) =>
    job.metadata?.[runKey] === key || job.user_provided_suffix === suffix;

  return {
    async upload(file) {
      const form = new FormData();
      form.set('purpose', 'fine-tune');
      form.set('file', await openAsBlob(file), 'dataset.jsonl');
      return (await ask('/files', uploaded, { method: 'POST', body: form })).id;
    },
    create({ file, key, suffix, seed }) {
      const { baseModel, hyperparameters } = config;
      const method =
        hyperparameters === undefined ? {} : { method: { type: 'supervised', supervised: { hyperparameters } } };
      const job = { model: baseModel, training_file: file, suffix, seed, metadata: { [runKey]: key }, ...method };
      return ask('/fine_tuning/jobs', jobSchema, { method: 'POST', body: JSON.stringify(job) });
    },
    async find(key, suffix) {
      let after = '';
      for (let page = 0; page < mostPages; page += 1) {
        const jobs = await ask(`/fine_tuning/jobs?limit=${jobsPerPage}${after}`, jobList);
        const found = jobs.data.find((job) => isOurs(job, key, suffix));
        const last = jobs.data.at(-1);
        if (found !== undefined || jobs.has_more !== true || last === undefined) return found ?? null;
        after = `&after=${encodeURIComponent(last.id)}`;
      }
      return null;
    },
    get: (id) => ask(`/fine_tuning/jobs/${encodeURIComponent(id)}`, jobSchema),
    async cancel(id) {
      const path = `/fine_tuning/jobs/${encodeURIComponent(id)}/cancel`;
      await ask(path, z.unknown(), { method: 'POST', unstoppable: true });
    },
  };
}

/** Why a job or a request failed, in the API's words: they may quote a row. */
export async function redactedReason(message: string | null | undefined): Promise<string> {
  return redactToStore((redact) => redact((message ?? '').slice(0, 500))).catch(() => '');
}

async function refused(path: string, status: number, text: string): Promise<RelearnError> {
  const parsed = z.object({ error: z.object({ message: z.string() }) }).safeParse(parseJson(text));
  const reason = parsed.success ? ` ${await redactedReason(parsed.data.error.message)}` : '';
  const again = status === 408 || status === 429 || status >= 500;
  const hint = status === 401 || status === 403 ? ' Check retrain.trainer.apiKeyEnv and the key it names.' : '';
  return new RelearnError(
    again ? 'upstream_failed' : 'trainer_failed',
    `The fine-tuning API answered ${path} with status ${status}.${hint}${reason}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
