import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { fakeChunk, fakeCompletion, startFakeUpstream } from '../serve/fake-upstream.ts';
import { startTestGateway, testConfig } from './fixtures.ts';

let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let client: OpenAI;
let baseURL: string;
before(async () => {
  upstream = await startFakeUpstream(() => fakeCompletion('unused'));
  const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big', timeoutSeconds: 50, retries: 2 };
  const models = { chat: { serve }, hasty: { serve: { ...serve, timeoutSeconds: 0.5 } } };
  gateway = await startTestGateway({ config: testConfig({ models }) });
  await gateway.deployUpstream('chat');
  await gateway.deployUpstream('hasty');
  baseURL = await gateway.listen();
  client = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 });
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

const hello = [{ role: 'user' as const, content: 'hello, mail ann@example.com' }];
const ask = { model: 'chat', messages: hello };
const weather = { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } };

async function metric(line: RegExp): Promise<string | undefined> {
  return line.exec((await gateway.app.inject('/metrics')).body)?.[0];
}

async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('the body reaches the endpoint byte by byte, but for model and logprobs; the answer comes back under our id and name', async () => {
  upstream.become(() => fakeCompletion('write to bob@example.com', [-0.5, -0.25]));
  const raw = `{ "model":"chat", "seed": 12345678901234567890, "temperature":1.0,
    "messages":[{"role":"user","content":"hello, mail ann@example.com"}], "made_up": {"model": "chat", "x": [1e2]} }`;
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': 'u1', authorization: 'Bearer theirs' },
    body: raw,
  });
  const [got] = upstream.received;
  assert.equal(got?.raw, raw.replace('"chat"', '"big"').replace('{', '{"logprobs":true,'));
  assert.equal(got.headers.authorization, undefined);
  const answer = (await response.json()) as ReturnType<typeof fakeCompletion>['body'];
  assert.deepEqual(answer, {
    ...fakeCompletion('write to bob@example.com').body,
    ...{ id: answer.id, model: 'chat' },
  });
  assert.match(answer.id, /^chatcmpl-[0-9a-f-]{36}$/);
  assert.equal(response.headers.get('x-request-id'), answer.id);
  assert.equal(response.headers.get('x-relearn-version'), 'v1');
  const row = await gateway.storedRow(answer.id);
  assert.equal(row?.prompt, 'hello, mail [EMAIL]');
  assert.equal(row.response, 'write to [EMAIL]');
  assert.equal(row.responseLogprob, -0.75);
  assert.match(row.userIdHash ?? '', /^[0-9a-f]{16}$/);
});

test('logprobs come back when the client asked for them', async () => {
  upstream.become(() => fakeCompletion('yes', [-0.5]));
  const { choices } = await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 2 });
  assert.equal(choices[0]?.logprobs?.content?.[0]?.logprob, -0.5);
  assert.equal(upstream.received[0]?.body['top_logprobs'], 2);
});

/** What the log says of a request that was sent with this flag. */
async function keptWith(flag: string, path: string, body: object) {
  const response = await fetch(`${baseURL}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-relearn-flag': flag },
    body: JSON.stringify(body),
  });
  await response.text();
  const row = await gateway.storedRow(response.headers.get('x-request-id') ?? '');
  return [row?.keptBecause === 'flagged', row?.inclusionProbability];
}

test('a request that its caller flags is kept for sure; the flag reaches neither the endpoint nor the log', async () => {
  const flag = 'canary: ann@example.com';
  upstream.become(() => fakeCompletion('yes'));
  assert.deepEqual(await keptWith(flag, '/chat/completions', ask), [true, 1]);
  assert.deepEqual(await keptWith(flag, '/../chat', { model: 'chat', prompt: 'hello' }), [true, 1]);
  for (const none of ['', '0', 'False']) {
    assert.deepEqual(await keptWith(none, '/chat/completions', ask), [false, 0.05], none);
  }
  assert.ok(upstream.received.every(({ headers }) => !Object.keys(headers).some((name) => name.includes('flag'))));
  upstream.become(() => ({ chunks: [fakeChunk({ content: 'yes' }, { finish: 'stop' })] }));
  assert.deepEqual(await keptWith(flag, '/chat/completions', { ...ask, stream: true }), [true, 1]);
  assert.equal(upstream.received[0]?.headers['x-relearn-flag'], undefined);
  const stored = await gateway.db.query(`select s::text as row from relearn.samples s`);
  assert.ok(stored.length >= 3);
  assert.ok(!`${JSON.stringify(stored)}${gateway.lines.join('')}`.includes('canary'));
});

test('several answers, pictures and unknown fields pass both ways; the log holds the first answer and no picture', async () => {
  const { body } = fakeCompletion('one');
  const second = { ...fakeCompletion('two').body.choices[0], index: 1 };
  upstream.become(() => ({ body: { ...body, choices: [...body.choices, second] } }));
  const picture = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,canary' } };
  const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'what is this?' }, picture] }];
  const completion = await client.chat.completions.create({ model: 'chat', n: 2, messages });
  assert.deepEqual(
    completion.choices.map(({ message }) => message.content),
    ['one', 'two'],
  );
  assert.deepEqual(upstream.received[0]?.body.messages, messages);
  assert.equal(upstream.received[0].body['n'], 2);
  const row = await gateway.storedRow(completion.id);
  assert.deepEqual(JSON.parse(row?.prompt ?? ''), [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'what is this?' },
        { type: 'text', text: '[IMAGE]' },
      ],
    },
  ]);
  assert.equal(row?.response, 'one');
});

test('a tool call comes back whole, and is logged as its message with redacted arguments', async () => {
  const call = {
    ...{ id: 'call_1', type: 'function' as const },
    function: { name: 'weather', arguments: '{"city":"Bonn","mail":"ann\\u0040example.com","phone":4155552671}' },
  };
  upstream.become(() => fakeCompletion({ content: null, tool_calls: [call] }));
  const messages = [
    ...hello,
    { role: 'assistant' as const, content: null, tool_calls: [call] },
    { role: 'tool' as const, tool_call_id: 'call_1', content: 'write to ann@example.com' },
  ];
  const completion = await client.chat.completions.create({ model: 'chat', messages, tools: [weather] });
  assert.deepEqual(completion.choices[0]?.message.tool_calls, [call]);
  assert.deepEqual(upstream.received[0]?.body['tools'], [weather]);
  const row = await gateway.storedRow(completion.id);
  const redacted = {
    ...call,
    function: { name: 'weather', arguments: '{"city":"Bonn","mail":"[EMAIL]","phone":"[PHONE]"}' },
  };
  assert.deepEqual(JSON.parse(row?.response ?? ''), { role: 'assistant', content: null, tool_calls: [redacted] });
  assert.deepEqual(JSON.parse(row?.prompt ?? ''), [
    { role: 'user', content: 'hello, mail [EMAIL]' },
    { role: 'assistant', content: null, tool_calls: [redacted] },
    { role: 'tool', content: 'write to [EMAIL]', tool_call_id: 'call_1' },
  ]);
});

test('a stream comes back chunk by chunk under our id, without logprobs, and is logged as one redacted text', async () => {
  const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
  upstream.become(() => ({
    chunks: [
      fakeChunk({ role: 'assistant', content: '' }),
      fakeChunk({ content: 'write to bob@exa' }, { logprobs: [-0.5] }),
      fakeChunk({ content: 'mple.com' }, { logprobs: [-0.25] }),
      fakeChunk({}, { finish: 'stop' }),
      { ...fakeChunk({}), choices: [], usage },
    ],
  }));
  const options = { include_usage: true };
  const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options: options });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.deepEqual(upstream.received[0]?.body['stream_options'], options);
  assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), 'write to bob@example.com');
  assert.deepEqual(chunks.at(-1)?.usage, usage);
  const [{ id } = { id: '' }] = chunks;
  for (const chunk of chunks) {
    assert.deepEqual([chunk.id, chunk.model], [id, 'chat']);
    assert.equal(chunk.choices[0]?.logprobs ?? null, null);
  }
  const row = await gateway.storedRow(id);
  assert.deepEqual([row?.response, row?.responseLogprob], ['write to [EMAIL]', -0.75]);
});

test('a streamed tool call is put together for the log', async () => {
  const part = (piece: object) => fakeChunk({ tool_calls: [{ index: 0, ...piece }] });
  upstream.become(() => ({
    chunks: [
      fakeChunk({ role: 'assistant', content: null }),
      part({ id: 'call_1', type: 'function', function: { name: 'mail', arguments: '' } }),
      part({ function: { arguments: '{"to":"ann@exam' } }),
      part({ function: { arguments: 'ple.com"}' } }),
      fakeChunk({}, { finish: 'tool_calls' }),
    ],
  }));
  const runner = client.chat.completions.stream({ ...ask, tools: [weather] });
  const { id, choices } = await runner.finalChatCompletion();
  const [call] = choices[0]?.message.tool_calls ?? [];
  assert.equal(call?.type === 'function' ? call.function.arguments : '', '{"to":"ann@example.com"}');
  const row = await gateway.storedRow(id);
  assert.deepEqual(JSON.parse(row?.response ?? ''), {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'mail', arguments: '{"to":"[EMAIL]"}' } }],
  });
});

test('a client that hangs up ends the stream of the endpoint, and what was answered so far is logged', async () => {
  upstream.become(() => ({
    chunks: [
      fakeChunk({ content: 'so far so good, ' }, { logprobs: [-1] }),
      fakeChunk({ content: 'now mail ann@exa' }),
    ],
    then: 'hang',
  }));
  const stream = await client.chat.completions.create({ ...ask, stream: true });
  let id = '';
  for await (const chunk of stream) {
    id = chunk.id;
    if (chunk.choices[0]?.delta.content?.startsWith('now') === true) break;
  }
  stream.controller.abort();
  await upstream.received[0]?.cut;
  await until(async () => (await gateway.storedRow(id)) !== null);
  const row = await gateway.storedRow(id);
  assert.deepEqual([row?.response, row?.responseLogprob], ['so far so good, now mail [CUT]', null]);
});

test('a client that hangs up before the answer ends the call of the endpoint; no row, counted as 499', async () => {
  let arrived = () => {};
  const asked = new Promise<void>((resolve) => (arrived = resolve));
  upstream.become(() => {
    arrived();
    return 'never';
  });
  const { written } = gateway.writer.counts();
  const controller = new AbortController();
  const pending = client.chat.completions.create(ask, { signal: controller.signal });
  await asked;
  controller.abort();
  await assert.rejects(pending, OpenAI.APIUserAbortError);
  await upstream.received[0]?.cut;
  await until(
    async () => (await metric(/relearn_requests_total\{model="chat",route="[^"]+",status="499"\} \d+/)) !== undefined,
  );
  await gateway.storedRow('none');
  assert.equal(gateway.writer.counts().written, written);
});

test('a stream that the endpoint breaks off ends in an error the client sees, and is counted as 502', async () => {
  upstream.become(() => ({ chunks: [fakeChunk({ content: 'so far' })], then: 'break' }));
  const stream = await client.chat.completions.create({ ...ask, stream: true });
  let id = '';
  await assert.rejects(
    async () => {
      for await (const chunk of stream) id = chunk.id;
    },
    (error) => error instanceof OpenAI.APIError && error.code === 'upstream_failed',
  );
  assert.equal((await gateway.storedRow(id))?.response, 'so far');
  await until(
    async () => (await metric(/relearn_requests_total\{model="chat",route="[^"]+",status="502"\} \d+/)) !== undefined,
  );
});

test("an endpoint's errors keep status, type, code and headers; its text comes redacted", async () => {
  const error = {
    message: 'Too long: ann@example.com',
    type: 'invalid_request_error',
    param: 'messages',
    code: 'too_long',
  };
  upstream.become(() => ({ status: 400, body: { error } }));
  await assert.rejects(client.chat.completions.create(ask), (thrown) => {
    assert.ok(thrown instanceof OpenAI.BadRequestError);
    assert.deepEqual([thrown.code, thrown.param, thrown.type], ['too_long', 'messages', 'invalid_request_error']);
    assert.match(thrown.message, /Too long: \[EMAIL\]/);
    return true;
  });
  upstream.become(() => ({ status: 429, headers: { 'retry-after': '60' }, body: { error: { message: 'slow down' } } }));
  await assert.rejects(client.chat.completions.create(ask), (thrown) => {
    assert.ok(thrown instanceof OpenAI.RateLimitError);
    assert.deepEqual([thrown.code, thrown.headers.get('retry-after')], ['upstream_busy', '60']);
    return true;
  });
  assert.equal(upstream.received.length, 1, 'a wait that does not fit into the timeout is not waited for');
  upstream.become(() => ({ status: 500, body: '<html>ann@example.com</html>' }));
  await assert.rejects(client.chat.completions.create(ask), (thrown) => {
    assert.ok(thrown instanceof OpenAI.InternalServerError);
    assert.equal(thrown.status, 500);
    assert.doesNotMatch(thrown.message, /ann@/);
    return true;
  });
  upstream.become(() => ({ status: 401, body: { error: { message: 'Incorrect API key provided: sk-1' } } }));
  await assert.rejects(client.chat.completions.create(ask), { status: 502, code: 'upstream_failed' });
  upstream.become(() => ({ body: 'hello' }));
  await assert.rejects(client.chat.completions.create(ask), { status: 502, code: 'upstream_failed' });
});

test('429 and 503 before the answer are asked again after the wait they name; 500 is not', async () => {
  const replies = [429, 503, 200];
  upstream.become(() => {
    const status = replies.shift() ?? 500;
    if (status === 200) return fakeCompletion('third time');
    return { status, headers: { 'retry-after-ms': '10' }, body: { error: { message: 'busy' } } };
  });
  const { choices } = await client.chat.completions.create(ask);
  assert.equal(choices[0]?.message.content, 'third time');
  upstream.become(() => ({ status: 500, body: {} }));
  await assert.rejects(client.chat.completions.create(ask), { status: 500 });
  assert.equal(upstream.received.length, 1);
});

test('an endpoint that does not answer in time is a 504, one that breaks the connection a 502', async () => {
  upstream.become(() => 'never');
  const hasty = client.chat.completions.create({ ...ask, model: 'hasty' });
  await assert.rejects(hasty, { status: 504, code: 'upstream_timeout' });
  upstream.become(() => 'hang up');
  await assert.rejects(client.chat.completions.create(ask), { status: 502, code: 'upstream_failed' });
});

test("a client's own timeout ends the call of the endpoint", async () => {
  upstream.become(() => 'never');
  await assert.rejects(client.chat.completions.create(ask, { timeout: 100 }), OpenAI.APIConnectionTimeoutError);
  await upstream.received[0]?.cut;
});

test('POST /chat and feedback work with an endpoint behind them', async () => {
  upstream.become(() => fakeCompletion('good day', [-4]));
  const payload = { model: 'chat', prompt: 'hello, mail ann@example.com' };
  const answer = (await gateway.app.inject({ method: 'POST', url: '/chat', payload })).json<Record<string, string>>();
  assert.equal(answer['response'], 'good day');
  const feedback = { request_id: answer['request_id'], kind: 'thumbs_down' };
  const given = await gateway.app.inject({ method: 'POST', url: '/v1/feedback', payload: feedback });
  assert.equal(given.statusCode, 200, given.body);
  const row = await gateway.storedRow(answer['request_id'] ?? '');
  assert.deepEqual([row?.prompt, row?.keptBecause], ['hello, mail [EMAIL]', 'low_confidence']);
});

test("POST /chat passes an endpoint's status on, as chat completions do", async () => {
  const error = { message: 'too many of ann@example.com', type: 'rate', code: 'slow_down' };
  upstream.become(() => ({ status: 429, headers: { 'retry-after': '70' }, body: { error } }));
  const payload = { model: 'chat', prompt: 'hello' };
  const answer = await gateway.app.inject({ method: 'POST', url: '/chat', payload });
  assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [429, '70']);
  assert.deepEqual(answer.json(), { error: { ...error, message: 'too many of [EMAIL]' } });
  upstream.become(() => ({ body: '{"no": "completion"}' }));
  assert.equal((await gateway.app.inject({ method: 'POST', url: '/chat', payload })).statusCode, 502);
});

test('an error names its request, in the answer and in every line of the log', async () => {
  upstream.become(() => 'hang up');
  for (const body of [ask, { model: 'no such' }]) {
    const answer = await gateway.app.inject({ method: 'POST', url: '/v1/chat/completions', payload: body });
    assert.ok(answer.statusCode >= 400);
    assert.match(String(answer.headers['x-request-id']), /^chatcmpl-[0-9a-f-]{36}$/);
  }
  const lines = gateway.lines.filter((line) => line.includes('"route"'));
  assert.ok(lines.length > 0 && lines.every((line) => /"requestId":"chatcmpl-/.test(line)), lines.join(''));
});
