import { z } from 'zod';
import type { Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import type { Answered } from '../serve/answer.ts';

const part = z.looseObject({ type: z.string(), text: z.string().optional() });

const chatMessage = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(part)], 'wanted a string or an array of parts').nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
});

/** The part of OpenAI's chat completion request that is read; parameters of generation are accepted and ignored. */
export const chatCompletionRequest = z.object({
  model: z.string(),
  messages: z.array(chatMessage),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(), // the newer name of `user`
  stream: z.boolean().nullish(),
  n: z.number().nullish(),
  tools: z.array(z.unknown()).nullish(),
  functions: z.array(z.unknown()).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
});
export type ChatCompletionRequest = z.output<typeof chatCompletionRequest>;

/** The conversation of a request. Throws `unsupported` for what would be answered wrongly if it were ignored. */
export function readConversation(request: ChatCompletionRequest): Message[] {
  if (request.stream === true) throw unsupported('stream', 'Answers come whole for now. Send stream: false.');
  if ((request.n ?? 1) !== 1) throw unsupported('n', 'One answer is given. Leave n out.');
  if ((request.tools?.length ?? 0) > 0 || (request.functions?.length ?? 0) > 0) {
    throw unsupported('tools', 'The models behind this gateway call no tools. Leave tools and functions out.');
  }
  if ((request.response_format?.type ?? 'text') !== 'text') {
    throw unsupported('response_format', 'Answers are text. Leave response_format out.');
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
  return new RelearnError('unsupported', `${field} is not supported here. ${advice}`);
}

/** Embedded models read and write no tokens, and none are billed: their counts are zero, not estimates. */
const noTokens = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/**
 * OpenAI's chat.completion. `id` is the request id that feedback names, `system_fingerprint` the version that answered.
 * `usage` is left out for upstreams, whose tokens are not counted here.
 */
export function chatCompletion(model: string, answered: Answered, tokens: 'none' | 'uncounted', now: number) {
  return {
    id: answered.requestId,
    object: 'chat.completion',
    created: Math.floor(now / 1000),
    model,
    system_fingerprint: answered.version,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answered.text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    ...(tokens === 'none' ? { usage: noTokens } : {}),
  };
}

export function modelObject(model: string, since: Date | undefined) {
  return {
    id: model,
    object: 'model',
    created: since === undefined ? 0 : Math.floor(since.getTime() / 1000),
    owned_by: 'relearn',
  };
}
