import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** What a fake endpoint got. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  /** The body as it came. */
  raw: string;
  body: z.output<typeof bodySchema>;
  /** Resolves when the connection is closed before the answer is complete. */
  cut: Promise<void>;
}

const bodySchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.unknown()),
  logprobs: z.boolean().optional(),
});

/** What it answers: an answer, or a stream of chunks that ends, hangs or breaks off. */
export type FakeReply =
  | { status?: number; headers?: Record<string, string>; body: object | string; after?: Promise<unknown> }
  | { chunks: (object | string)[]; then?: 'done' | 'hang' | 'break' }
  | 'never'
  | 'hang up';

/**
 * A fake of a paid service: an endpoint that speaks OpenAI's chat protocol on a port of its own, as the test tells it
 * to, and notes what it got.
 */
export async function startFakeUpstream(answer: (received: Received) => FakeReply) {
  const received: Received[] = [];
  const state = { answer };
  const server = createServer((request, response) => {
    const cut = new Promise<void>((resolve) => {
      response.once('close', () => {
        if (!response.writableFinished) resolve();
      });
    });
    void text(request).then((raw) => {
      const body = bodySchema.parse(JSON.parse(raw));
      const got: Received = { path: request.url ?? '', headers: request.headers, raw, body, cut };
      received.push(got);
      void send(response, state.answer(got));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    received,
    /** Answers otherwise from now on, and forgets what it got. */
    become(next: (received: Received) => FakeReply) {
      state.answer = next;
      received.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function send(response: ServerResponse, reply: FakeReply): Promise<void> {
  if (reply === 'never') return;
  if (reply === 'hang up') return void response.destroy();
  if ('body' in reply) {
    await reply.after;
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of reply.chunks) {
    const data = typeof chunk === 'string' ? chunk : JSON.stringify(chunk);
    await new Promise((resolve) => response.write(`data: ${data}\n\n`, resolve));
  }
  if (reply.then === 'break') response.destroy();
  else if (reply.then !== 'hang') response.end('data: [DONE]\n\n');
}

const tokens = (logprobs: readonly number[] | undefined) =>
  logprobs === undefined ? null : { content: logprobs.map((logprob) => ({ token: 'x', logprob })), refusal: null };

/** A chat.completion as OpenAI's endpoint gives it. */
export function fakeCompletion(message: string | object, logprobs?: readonly number[]) {
  const said = typeof message === 'string' ? { content: message } : message;
  return {
    body: {
      ...{ id: 'chatcmpl-upstream', object: 'chat.completion', created: 1_700_000_000, model: 'big-2026' },
      choices: [
        {
          ...{ index: 0, finish_reason: 'stop', logprobs: tokens(logprobs) },
          message: { role: 'assistant', refusal: null, ...said },
        },
      ],
      usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
      service_tier: 'default',
    },
  };
}

/** A chat.completion.chunk with one delta. */
export function fakeChunk(delta: object, more: { logprobs?: number[]; finish?: string; index?: number } = {}) {
  return {
    ...{ id: 'chatcmpl-upstream', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'big-2026' },
    choices: [{ index: more.index ?? 0, delta, logprobs: tokens(more.logprobs), finish_reason: more.finish ?? null }],
  };
}
