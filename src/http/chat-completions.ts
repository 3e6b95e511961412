import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Answerer } from '../serve/answer.ts';
import type { Caller } from '../serve/caller.ts';
import type { Passed } from '../serve/pass.ts';
import { parseRequest } from './errors.ts';
import { chatCompletion, chatCompletionEvents, chatCompletionRequest, readConversation } from './openai.ts';
import { isFlagged } from './read-flag.ts';
import { readUser } from './read-user.ts';

/** All that is read of a request that goes on to an endpoint: the endpoint checks the rest. */
const passedRequest = z.object({
  model: z.string(),
  messages: z.array(z.unknown()),
  user: z.string().nullish().catch(null),
  safety_identifier: z.string().nullish().catch(null), // the newer name of `user`
  logprobs: z.boolean().nullish().catch(null),
  stream: z.boolean().nullish().catch(null),
});

export type PassedRequest = z.output<typeof passedRequest>;

/** What is read of a request; undefined when it is not one. */
export function readPassedRequest(json: string): PassedRequest | undefined {
  try {
    return passedRequest.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

export interface ChatCompletionsOptions {
  models: readonly string[];
  answerer: Pick<Answerer, 'answer' | 'pass'>;
  /** Whoever waits for this reply. */
  callerOf: (reply: FastifyReply) => Caller;
}

/**
 * `POST /v1/chat/completions`. An endpoint gets the client's body with the model's name and `logprobs` changed, and its
 * answer or its stream goes back as it comes. An embedded champion answers here.
 */
export function addChatCompletionsRoute(
  app: FastifyInstance,
  { models, answerer, callerOf }: ChatCompletionsOptions,
): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    const asked = parseRequest(passedRequest, request.body);
    const { model } = asked;
    const requestId = request.id;
    if (models.includes(model)) request.servedModel = model;
    const user = asked.user ?? asked.safety_identifier ?? readUser(request);
    const passed = await answerer.pass({
      ...{ model, requestId, user, flagged: isFlagged(request) },
      json: request.bodyText,
      wantsLogprobs: asked.logprobs === true,
      wantsStream: asked.stream === true,
      caller: callerOf(reply),
      onBroken({ code, status }) {
        request.endedAs = status;
        request.log.warn({ code, model }, 'an answer broke off');
      },
    });
    if (passed === undefined) return answerHere(request, reply, user);
    request.answered = passed;
    return sendPassed(reply, passed);
  });

  async function answerHere(request: FastifyRequest, reply: FastifyReply, user: string | undefined) {
    const body = parseRequest(chatCompletionRequest, request.body);
    const messages = readConversation(body);
    const answered = await answerer.answer({
      ...{ model: body.model, messages, user, requestId: request.id },
      ...{ source: 'production', flagged: isFlagged(request) },
    });
    request.answered = answered;
    reply.header('x-relearn-version', answered.version);
    if (body.stream !== true) return chatCompletion(body, answered, Date.now());
    return asEvents(reply).send(chatCompletionEvents(body, answered, Date.now()));
  }
}

/** Sends what an endpoint answered. */
export function sendPassed(reply: FastifyReply, passed: Passed): FastifyReply {
  const { version, status, headers, body } = passed;
  reply.code(status).headers(headers).header('x-relearn-version', version);
  if ('json' in body) return reply.type('application/json; charset=utf-8').send(body.json);
  return asEvents(reply).send(body.events);
}

function asEvents(reply: FastifyReply): FastifyReply {
  return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-cache');
}
