import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { createKey, type Scope } from '../../src/http/keys.ts';
import { fakeChunk, fakeCompletion, startFakeUpstream } from '../serve/fake-upstream.ts';
import { eventually } from '../until.ts';
import { startTestGateway, testConfig } from './fixtures.ts';

let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let url: string;
before(async () => {
  upstream = await startFakeUpstream(() => fakeCompletion('yes'));
  const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big', timeoutSeconds: 60, retries: 0 };
  gateway = await startTestGateway({
    config: testConfig({
      gateway: { bodyLimitKb: 1, requestsPerSecond: 0.01, burst: 3, maxConcurrent: 1 },
      models: { chat: { serve }, triage: { serve: { kind: 'onnx' } } },
    }),
    ...{ needsKeys: true, logLevel: 'debug' },
  });
  await gateway.deployUpstream('chat');
  await gateway.promote('');
  await gateway.champions.refresh();
  url = `${await gateway.listen()}/chat/completions`;
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

const messages = [{ role: 'user', content: 'block the card of ann@example.com' }];

async function makeKey(...scopes: Scope[]): Promise<string> {
  return (await createKey(gateway.db, { name: 'test', scopes, expiresAt: null, actor: 'ann' })).key;
}

/** By a connection, as clients come: what `inject` sends does not pass the server. */
async function ask(key: string, body: unknown = { model: 'chat', messages }) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const code = /"code":"(\w+)"/.exec(text)?.[1];
  return { status: response.status, text, code, id: response.headers.get('x-request-id') };
}

async function lineOf(requestId: string | null): Promise<Record<string, unknown>[]> {
  const find = () => gateway.lines.filter((line) => line.includes(`"${requestId}"`));
  while (find().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return find().map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function inFlight(): Promise<string | undefined> {
  return /relearn_requests_in_flight (\d+)/.exec(
    (await gateway.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${await makeKey('admin')}` } }))
      .body,
  )?.[1];
}

test('an answered request is counted and has its line, with the id of its key and no text', async () => {
  const key = await makeKey('infer');
  const { status, text, id } = await ask(key);
  assert.equal(status, 200);
  assert.ok(text.includes(`"id":"${id}"`));
  const [line, ...more] = await lineOf(id);
  assert.deepEqual([line?.['route'], line?.['status'], line?.['model']], ['/v1/chat/completions', 200, 'chat']);
  assert.ok(key.includes(String(line?.['key'])));
  assert.ok(Number(line?.['addedMs']) >= 0);
  assert.deepEqual(more, []);
  assert.ok(!JSON.stringify(line).includes('ann@'));
});

test('no key, a key of another scope and a key that asks too fast are refused, and nothing reaches the endpoint', async () => {
  upstream.received.length = 0;
  assert.deepEqual([(await ask('rl_wrong')).code, upstream.received.length], ['invalid_api_key', 0]);
  assert.deepEqual([(await ask(await makeKey('feedback'))).code, upstream.received.length], ['insufficient_scope', 0]);
  const key = await makeKey('infer');
  for (let n = 0; n < 3; n += 1) assert.equal((await ask(key)).status, 200);
  assert.deepEqual([(await ask(key)).code, upstream.received.length], ['rate_limit_exceeded', 3]);
});

test('what cannot be answered at once is answered by the routes, and counts once', async () => {
  assert.equal((await ask(await makeKey('infer'), '{"model":')).code, 'malformed_json');
  assert.equal((await ask(await makeKey('infer'), { model: 'chat' })).code, 'invalid_request');
  assert.equal((await ask(await makeKey('infer'), { model: 'none', messages })).code, 'model_not_found');
  assert.equal((await ask(await makeKey('infer'), 'x'.repeat(2000))).code, 'body_too_large');
  const key = await makeKey('infer');
  const embedded = await ask(key, { model: 'triage', messages });
  assert.ok(embedded.text.includes('"content":"card"'), embedded.text);
  assert.equal((await lineOf(embedded.id)).length, 1);
  upstream.become(() => ({ chunks: [fakeChunk({ content: 'yes' }, { finish: 'stop' })] }));
  const streamed = await ask(key, { model: 'chat', messages, stream: true });
  assert.match(streamed.text, /data: \[DONE\]/);
  upstream.become(() => fakeCompletion('yes'));
  assert.equal((await ask(key)).status, 200, 'the two before took one each of the burst of three');
  assert.equal((await ask(key)).code, 'rate_limit_exceeded');
  await eventually(inFlight, '0');
});

test('an endpoint that is away is an error of the catalogue with the id of the request, and a line says why', async () => {
  upstream.become(() => 'hang up');
  const { code, id } = await ask(await makeKey('infer'));
  upstream.become(() => fakeCompletion('yes'));
  assert.equal(code, 'upstream_failed');
  assert.ok((await lineOf(id)).some(({ msg }) => msg === 'a request failed'));
});

test('a client that goes while it sends is counted as gone, and makes room', async () => {
  const { hostname, port } = new URL(url);
  const before = gateway.lines.length;
  const socket = connect(Number(port), hostname);
  const head = `authorization: Bearer ${await makeKey('infer')}\r\ncontent-type: application/json\r\ncontent-length: 100`;
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}\r\n${head}\r\n\r\n{"model"`);
  while ((await inFlight()) !== '1') await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await ask(await makeKey('infer'))).code, 'overloaded');
  socket.destroy();
  const gone = () => gateway.lines.slice(before).some((line) => line.includes('"status":499'));
  while (!gone()) await new Promise((resolve) => setTimeout(resolve, 5));
  await eventually(inFlight, '0');
  assert.equal((await ask(await makeKey('infer'))).status, 200);
});
