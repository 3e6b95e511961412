import { Pool } from 'undici';
import { z } from 'zod';
import type { Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import type { Answer, ServedModel } from './model.ts';

export interface UpstreamOptions {
  /** Base URL of an OpenAI-compatible endpoint, such as https://host/v1. */
  url: string;
  /** The model name the endpoint knows. */
  upstreamModel: string;
  apiKey: string | undefined;
  timeoutMs: number;
}

const completionSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish() }),
        logprobs: z
          .object({ content: z.array(z.object({ logprob: z.number() })).nullish() })
          .nullish()
          .catch(null),
      }),
    )
    .min(1),
});

/** Requests of one batch under way at once: endpoints limit their callers. */
const batchConcurrency = 8;
const longestResponseBytes = 32 * 1024 * 1024;

/**
 * An OpenAI-compatible endpoint as a served model. The logprob of an answer is the sum over its tokens, or null when
 * the endpoint gives none. Answers throw `upstream_rejected`, `upstream_busy` or `upstream_failed`.
 */
export function createUpstreamModel(options: UpstreamOptions, version: string): ServedModel {
  const base = new URL(options.url);
  const path = `${base.pathname.replace(/\/$/, '')}/chat/completions`;
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' };
  if (options.apiKey !== undefined) headers['authorization'] = `Bearer ${options.apiKey}`;
  const pool = new Pool(base.origin, {
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connect: { timeout: Math.min(options.timeoutMs, 10_000) },
    maxResponseSize: longestResponseBytes,
  });
  let givesLogprobs = true;

  async function post(messages: readonly Message[], logprobs: boolean, signal?: AbortSignal) {
    const body = JSON.stringify({ model: options.upstreamModel, messages, ...(logprobs ? { logprobs: true } : {}) });
    const response = await pool.request({ method: 'POST', path, headers, body, ...(signal ? { signal } : {}) });
    const text = await response.body.text();
    return { status: response.statusCode, text };
  }

  async function ask(messages: readonly Message[], signal?: AbortSignal): Promise<Answer> {
    try {
      const asked = givesLogprobs;
      let reply = await post(messages, asked, signal);
      if (asked && (reply.status === 400 || reply.status === 422)) {
        // Some endpoints refuse the parameter; others refuse the request itself, whatever we ask for.
        reply = await post(messages, false, signal);
        if (reply.status === 200) givesLogprobs = false;
      }
      if (reply.status !== 200) throw describeStatus(reply.status);
      return readCompletion(reply.text);
    } catch (error) {
      throw error instanceof RelearnError || signal?.aborted === true ? error : describeFailure(error, options);
    }
  }

  return {
    version,
    readsRedacted: false,
    answer(conversations, signal) {
      return mapLimited(conversations, batchConcurrency, (messages) => ask(messages, signal));
    },
    close: () => pool.close(),
  };
}

function readCompletion(text: string): Answer {
  const [choice] = parseCompletion(text)?.choices ?? [];
  if (choice === undefined) {
    throw new RelearnError('upstream_failed', `The upstream's answer is not a chat completion. Check serve.url.`);
  }
  const tokens = choice.logprobs?.content;
  return {
    text: choice.message.content ?? '',
    logprob: tokens && tokens.length > 0 ? tokens.reduce((sum, token) => sum + token.logprob, 0) : null,
  };
}

function parseCompletion(text: string): z.output<typeof completionSchema> | undefined {
  try {
    return completionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The upstream's own message is left out: it may quote the prompt. */
function describeStatus(status: number): RelearnError {
  if (status === 429) {
    return new RelearnError('upstream_busy', 'The upstream limits the rate of requests (429). Try again later.');
  }
  if (status === 400 || status === 413 || status === 422) {
    return new RelearnError(
      'upstream_rejected',
      `The upstream refused the request (${status}). Its messages may be too long or of a kind it does not take.`,
    );
  }
  const hint = status === 401 || status === 403 ? ' Check serve.apiKeyEnv and the key it names.' : '';
  return new RelearnError('upstream_failed', `The upstream answered with status ${status}.${hint}`);
}

function describeFailure(error: unknown, { timeoutMs }: UpstreamOptions): RelearnError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  const timedOut = /TIMEOUT/.test(code) ? ` It may take serve.timeoutSeconds (${timeoutMs / 1000}) at most.` : '';
  return new RelearnError('upstream_failed', `The upstream does not answer (${code}).${timedOut}`, {
    cause: { code },
  });
}

/** Answers in order, at most `limit` under way. The first failure stops the rest. */
async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items.entries()].reverse();
  async function drain(): Promise<void> {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      try {
        results[next[0]] = await work(next[1]);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, drain));
  return results;
}
