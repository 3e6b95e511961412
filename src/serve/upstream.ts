import { Readable } from 'node:stream';
import { Pool } from 'undici';
import { messageText, type Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { askWithRetries, codeOf, type Patience } from './attempts.ts';
import { callerOf, signalOf, type Caller } from './caller.ts';
import { readCompletion } from './completion.ts';
import { editJson } from './edit-json.ts';
import type { Answer, ClientRequest, EndpointReply, ServedModel } from './model.ts';
import { requestWhole } from './whole-response.ts';

export interface UpstreamOptions extends Patience {
  /** Base URL of an OpenAI-compatible endpoint, such as https://host/v1. */
  url: string;
  /** The model name the endpoint knows. */
  upstreamModel: string;
  apiKey: string | undefined;
}

/** Requests of one batch under way at once: endpoints limit their callers. */
const batchConcurrency = 8;
const longestResponseBytes = 32 * 1024 * 1024;

/**
 * An OpenAI-compatible endpoint as a served model. The logprob of an answer is the sum over its tokens, or null when
 * the endpoint gives none. Throws `upstream_failed` or `upstream_timeout`; `answer` also `upstream_rejected` and
 * `upstream_busy`, where `pass` gives the endpoint's own status.
 */
export function createUpstreamModel(options: UpstreamOptions, version: string): ServedModel {
  const base = new URL(options.url);
  const path = `${base.pathname.replace(/\/$/, '')}/chat/completions`;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (options.apiKey !== undefined) headers['authorization'] = `Bearer ${options.apiKey}`;
  const pool = new Pool(base.origin, {
    bodyTimeout: options.timeoutMs,
    connect: { timeout: Math.min(options.timeoutMs, 10_000) },
    maxResponseSize: longestResponseBytes,
  });
  const upstreamModel = JSON.stringify(options.upstreamModel);
  let logprobs: 'unknown' | 'given' | 'refused' = 'unknown';

  const editsOfAll = { model: upstreamModel };
  const editsForLogprobs = { model: upstreamModel, logprobs: 'true' };

  async function postForWhole(body: string, caller: Caller): Promise<EndpointReply> {
    // Written out here and below: what is spread is of a shape of its own each time, which costs all who read it.
    const ask = (headersTimeout: number) =>
      requestWhole(pool, { method: 'POST', path, headers, body, headersTimeout }, caller);
    const { statusCode: status, headers: given, text } = await askWithRetries(ask, options, caller);
    if (!isStream(status, given)) return { status, headers: given, body: { json: text } };
    return { status, headers: given, body: { events: Readable.from([Buffer.from(text)]) } }; // though none was asked for
  }

  async function postForStream(body: string, caller: Caller): Promise<EndpointReply> {
    const ask = (headersTimeout: number) =>
      pool.request({ method: 'POST', path, headers, body, headersTimeout, signal: signalOf(caller) });
    const { statusCode: status, headers: given, body: answer } = await askWithRetries(ask, options, caller);
    if (isStream(status, given)) return { status, headers: given, body: { events: answer } };
    return { status, headers: given, body: { json: await answer.text() } };
  }

  /** Some endpoints refuse `logprobs`; others refuse the request itself, whatever we ask for. */
  async function pass(request: ClientRequest, caller: Caller): Promise<EndpointReply> {
    const { json, wantsLogprobs, wantsStream } = request;
    const post = wantsStream ? postForStream : postForWhole;
    const asIs = () => post(editJson(json, editsOfAll), caller);
    try {
      if (wantsLogprobs || logprobs === 'refused') return await asIs();
      const reply = await post(editJson(json, editsForLogprobs), caller);
      if (reply.status === 200) logprobs = 'given';
      if ((reply.status !== 400 && reply.status !== 422) || 'events' in reply.body) return reply;
      if (logprobs === 'given' && !reply.body.json.includes('logprobs')) return reply;
      const second = await asIs();
      if (second.status === 200 && logprobs === 'unknown') logprobs = 'refused';
      return second;
    } catch (error) {
      throw error instanceof RelearnError || caller.gone ? error : describeFailure(error, options);
    }
  }

  async function ask(messages: readonly Message[], signal?: AbortSignal): Promise<Answer> {
    const request = { json: JSON.stringify({ messages }), wantsLogprobs: false, wantsStream: false };
    const { status, body } = await callerOf(signal, (caller) => pass(request, caller));
    if (status !== 200) throw describeStatus(status);
    const completion = 'json' in body ? readCompletion(body.json) : undefined;
    if (completion === undefined) throw notACompletion();
    return { text: messageText(completion.message), logprob: completion.logprob };
  }

  return {
    version,
    readsRedacted: false,
    answer(conversations, signal) {
      return mapLimited(conversations, batchConcurrency, (messages) => ask(messages, signal));
    },
    pass,
    close: () => pool.close(),
  };
}

function isStream(status: number, headers: EndpointReply['headers']): boolean {
  return status === 200 && String(headers['content-type']).startsWith('text/event-stream');
}

export function notACompletion(): RelearnError {
  return new RelearnError('upstream_failed', `The upstream's answer is not a chat completion. Check serve.url.`);
}

/** The upstream's own message is left out: it may quote the prompt. */
export function describeStatus(status: number): RelearnError {
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

export function describeFailure(error: unknown, { timeoutMs }: Pick<Patience, 'timeoutMs'>): RelearnError {
  const code = codeOf(error);
  if (/TIMEOUT|ETIMEDOUT/.test(code)) {
    return new RelearnError(
      'upstream_timeout',
      `The upstream did not answer in serve.timeoutSeconds (${timeoutMs / 1000}). Ask for less, or raise it.`,
      { cause: { code } },
    );
  }
  return new RelearnError('upstream_failed', `The upstream does not answer (${code}).`, { cause: { code } });
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
