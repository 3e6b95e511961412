import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { messageText } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { signalOf } from '../serve/caller.ts';
import { requirePrompt } from '../serve/answer.ts';
import { readCompletion } from '../serve/completion.ts';
import { notACompletion } from '../serve/upstream.ts';
import { sendPassed, type ChatCompletionsOptions } from './chat-completions.ts';
import { parseRequest } from './errors.ts';
import { isFlagged } from './read-flag.ts';
import { readUser } from './read-user.ts';

const simpleChatRequest = z.object({
  prompt: z.string(),
  model: z.string().optional(),
  user_id: z.string().optional(),
});

/** `POST /chat`: a prompt in, a text out. What an endpoint answers but a completion goes back as it came. */
export function addSimpleChatRoute(app: FastifyInstance, { models, answerer, callerOf }: ChatCompletionsOptions): void {
  app.post('/chat', async (request, reply) => {
    const body = parseRequest(simpleChatRequest, request.body);
    const model = body.model ?? onlyModel(models);
    if (models.includes(model)) request.servedModel = model;
    const messages = [{ role: 'user', content: body.prompt }];
    requirePrompt({ messages });
    const user = body.user_id ?? readUser(request);
    const asked = { model, requestId: request.id, user, flagged: isFlagged(request) };
    const caller = callerOf(reply);
    const passed = await answerer.pass({
      ...asked,
      json: JSON.stringify({ model, messages }),
      ...{ caller, wantsStream: false, wantsLogprobs: false, onBroken: () => undefined },
    });
    if (passed === undefined) {
      const answered = await answerer.answer({ ...asked, messages, source: 'production', signal: signalOf(caller) });
      request.answered = answered;
      return { response: answered.text, request_id: answered.requestId };
    }
    request.answered = passed;
    if (passed.status !== 200) return sendPassed(reply, passed);
    const completion = 'json' in passed.body ? readCompletion(passed.body.json) : undefined;
    if (completion === undefined) throw notACompletion();
    return { response: messageText(completion.message), request_id: passed.requestId };
  });
}

function onlyModel(models: readonly string[]): string {
  const [only] = models;
  if (only !== undefined && models.length === 1) return only;
  throw new RelearnError('invalid_request', `model: wanted one of ${models.join(', ')}.`);
}
