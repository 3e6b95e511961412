import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { RelearnError } from '../../src/errors.ts';
import { createUpstreamModel } from '../../src/serve/upstream.ts';

const bodySchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  logprobs: z.boolean().optional(),
});
type Body = z.output<typeof bodySchema>;
type Reply = { status: number; body: unknown } | 'hang up' | 'never';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });
  server = undefined;
});

/** A real endpoint on a port of its own. */
async function endpoint(answer: (body: Body, request: IncomingMessage) => Reply): Promise<string> {
  const created = createServer((request, response) => {
    void json(request).then((given) => {
      const reply = answer(bodySchema.parse(given), request);
      if (reply === 'hang up') request.socket.destroy();
      else if (reply !== 'never') response.writeHead(reply.status).end(JSON.stringify(reply.body));
    });
  });
  server = created;
  await new Promise<void>((resolve) => created.listen(0, '127.0.0.1', resolve));
  const { port } = created.address() as AddressInfo;
  return `http://127.0.0.1:${port}/v1`;
}

function completion(content: string, logprobs?: number[]): Reply {
  const tokens = logprobs?.map((logprob) => ({ token: 'x', logprob }));
  return {
    status: 200,
    body: { choices: [{ message: { role: 'assistant', content }, logprobs: tokens ? { content: tokens } : null }] },
  };
}

const hello = [[{ role: 'user', content: 'hello' }]];

function open(url: string, options: { timeoutMs?: number; apiKey?: string } = {}) {
  return createUpstreamModel(
    { url, upstreamModel: 'big', apiKey: options.apiKey, timeoutMs: options.timeoutMs ?? 60_000, retries: 0 },
    'v1',
  );
}

test('the endpoint is asked with its model name, path and key, and the logprobs of the tokens are summed', async () => {
  const url = await endpoint((body, request) => {
    assert.equal(request.url, '/v1/chat/completions');
    assert.equal(request.headers.authorization, 'Bearer secret');
    assert.deepEqual(body, { model: 'big', messages: hello[0], logprobs: true });
    return completion('good day', [-0.5, -0.25]);
  });
  const model = open(url, { apiKey: 'secret' });
  assert.deepEqual(await model.answer(hello), [{ text: 'good day', logprob: -0.75 }]);
  await model.close();
});

test('an endpoint without logprobs gives null', async () => {
  const model = open(await endpoint(() => completion('good day')));
  assert.deepEqual(await model.answer(hello), [{ text: 'good day', logprob: null }]);
  await model.close();
});

test('an endpoint that refuses logprobs is asked without them, and not again', async () => {
  const asked: boolean[] = [];
  const url = await endpoint((body) => {
    asked.push(body.logprobs === true);
    return body.logprobs === true ? { status: 400, body: { error: 'no logprobs' } } : completion('good day');
  });
  const model = open(url);
  await model.answer(hello);
  await model.answer(hello);
  assert.deepEqual(asked, [true, false, false]);
  await model.close();
});

test('a batch is answered in order, with few requests under way at once', async () => {
  let underWay = 0;
  let most = 0;
  const url = await endpoint((body) => {
    underWay += 1;
    most = Math.max(most, underWay);
    setImmediate(() => {
      underWay -= 1;
    });
    return completion(`to ${body.messages[0]?.content ?? ''}`, [-1]);
  });
  const model = open(url);
  const names = Array.from({ length: 50 }, (_, n) => `message ${n}`);
  const answers = await model.answer(names.map((content) => [{ role: 'user', content }]));
  assert.deepEqual(
    answers.map((answer) => answer.text),
    names.map((name) => `to ${name}`),
  );
  assert.ok(most <= 8, `${most} at once`);
  await model.close();
});

const failures: [name: string, reply: Reply, code: string][] = [
  ['a refused key', { status: 401, body: {} }, 'upstream_failed'],
  ['a rate limit', { status: 429, body: {} }, 'upstream_busy'],
  ['a refused request', { status: 400, body: { error: { message: 'your prompt: hello' } } }, 'upstream_rejected'],
  ['a failure', { status: 500, body: {} }, 'upstream_failed'],
  ['an answer that is no completion', { status: 200, body: { choices: [] } }, 'upstream_failed'],
  ['a broken connection', 'hang up', 'upstream_failed'],
  ['no answer in time', 'never', 'upstream_timeout'],
];
for (const [name, reply, code] of failures) {
  test(`${name} is ${code}, and the error quotes nothing`, async () => {
    const model = open(await endpoint(() => reply), reply === 'never' ? { timeoutMs: 500 } : {});
    await assert.rejects(model.answer(hello), (error) => {
      assert.ok(error instanceof RelearnError);
      assert.equal(error.code, code);
      assert.doesNotMatch(error.message, /hello/);
      return true;
    });
    await model.close();
  });
}
