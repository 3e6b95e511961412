import { z } from 'zod';
import type { Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import type { Answered } from '../serve/answer.ts';
import { endOfEvents, event } from '../serve/events.ts';

const part = z.looseObject({ type: z.string(), text: z.string().optional() });

const chatMessage = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(part)], 'wanted a string or an array of parts').nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
});

/**
 * The part of OpenAI's chat completion request that embedded models read; parameters of generation are accepted and
 * ignored.
 */
export const chatCompletionRequest = z.object({
  model: z.string(),
  messages: z.array(chatMessage),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.number().int().min(1).max(128).nullish(), // as many as OpenAI's
  logprobs: z.boolean().nullish(),
  tools: z.array(z.unknown()).nullish(),
  functions: z.array(z.unknown()).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
});
export type ChatCompletionRequest = z.output<typeof chatCompletionRequest>;

/** The conversation of a request. Throws `unsupported` for what would be answered wrongly if it were ignored. */
export function readConversation(request: ChatCompletionRequest): Message[] {
  if ((request.tools?.length ?? 0) > 0 || (request.functions?.length ?? 0) > 0) {
    throw unsupported('tools', 'This model calls no tools. Leave tools and functions out.');
  }
  if ((request.response_format?.type ?? 'text') !== 'text') {
    throw unsupported('response_format', 'This model answers text. Leave response_format out.');
  }
  return request.messages.map(({ role, content, tool_calls: calls }, place) => {
    if ((calls?.length ?? 0) > 0) throw unsupported(`messages.${place}.tool_calls`, 'Send messages of text.');
    return { role, content: joinText(content ?? '', place) };
  });
}

function joinText(content: string | z.output<typeof part>[], place: number): string {
  if (typeof content === 'string') return content;
  const texts = content.map(({ type, text }) => {
    if (type === 'text' && text !== undefined) return text;
    throw unsupported(`messages.${place}.content`, 'Send parts of type "text" with a text, or one string.');
  });
  return texts.join('');
}

function unsupported(field: string, advice: string): RelearnError {
  return new RelearnError('unsupported', `${field} is not supported by embedded models. ${advice}`);
}

/** Embedded models read and write no tokens, and none are billed: their counts are zero, not estimates. */
const noTokens = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/** The answer once for each of the `n` that were asked for: an embedded model says the same every time. */
function repeat<Choice>({ n }: ChatCompletionRequest, choice: Choice): (Choice & { index: number })[] {
  return Array.from({ length: n ?? 1 }, (_, index) => ({ index, ...choice }));
}

/** The whole label as one token, with its natural log-probability. */
function logprobsOf({ logprobs }: ChatCompletionRequest, { text, logprob }: Answered) {
  if (logprobs !== true || logprob === null) return null;
  return { content: [{ token: text, logprob, bytes: [...Buffer.from(text)], top_logprobs: [] }], refusal: null };
}

function head(request: ChatCompletionRequest, answered: Answered, now: number) {
  return {
    id: answered.requestId,
    created: Math.floor(now / 1000),
    model: request.model,
    system_fingerprint: answered.version,
  };
}

/**
 * OpenAI's chat.completion of an embedded model's answer. `id` is the request id that feedback names,
 * `system_fingerprint` the version that answered.
 */
export function chatCompletion(request: ChatCompletionRequest, answered: Answered, now: number) {
  return {
    ...head(request, answered, now),
    object: 'chat.completion',
    choices: repeat(request, {
      message: { role: 'assistant', content: answered.text, refusal: null },
      logprobs: logprobsOf(request, answered),
      finish_reason: 'stop',
    }),
    usage: noTokens,
  };
}

/** The same as server-sent events: role, content and end of each choice, usage if asked for, [DONE]. */
export function chatCompletionEvents(request: ChatCompletionRequest, answered: Answered, now: number): string {
  const withUsage = request.stream_options?.include_usage === true;
  const chunk = (choices: object[], usage: typeof noTokens | null = null) =>
    event({
      ...head(request, answered, now),
      ...{ object: 'chat.completion.chunk', choices },
      ...(withUsage ? { usage } : {}),
    });
  const end = { logprobs: null, finish_reason: null };
  return [
    chunk(repeat(request, { delta: { role: 'assistant', content: '', refusal: null }, ...end })),
    chunk(repeat(request, { delta: { content: answered.text }, ...end, logprobs: logprobsOf(request, answered) })),
    chunk(repeat(request, { delta: {}, ...end, finish_reason: 'stop' })),
    ...(withUsage ? [chunk([], noTokens)] : []),
    event(endOfEvents),
  ].join('');
}

export function modelObject(model: string, since: Date | undefined) {
  return {
    id: model,
    object: 'model',
    created: since === undefined ? 0 : Math.floor(since.getTime() / 1000),
    owned_by: 'relearn',
  };
}
