import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { createKey, splitKey, type Scope } from '../../src/http/keys.ts';
import { gatewayScopes, reviewScopes } from '../../src/http/keys-guard.ts';
import { followKeys } from '../../src/http/keys-follow.ts';
import { buildReview } from '../../src/http/review.ts';
import { memoryLogger, silentSignals, startTestGateway, testConfig } from './fixtures.ts';
import { routesOf } from './routes.ts';
import { patienceMs } from '../until.ts';

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let baseURL: string;
const config = testConfig({ gateway: { requestsPerSecond: 0.01, burst: 20 } });

before(async () => {
  gateway = await startTestGateway({ needsKeys: true, config, logLevel: 'trace' });
  await gateway.promote('');
  await gateway.champions.refresh();
  await gateway.app.listen({ host: '127.0.0.1', port: 0 });
  baseURL = `http://127.0.0.1:${(gateway.app.server.address() as AddressInfo).port}/v1`;
});
after(() => gateway.close());

async function makeKey(...scopes: Scope[]): Promise<string> {
  return (await createKey(gateway.db, { name: 'test', scopes, expiresAt: null, actor: 'ann' })).key;
}
const ask = (apiKey: string, maxRetries = 0) =>
  new OpenAI({ baseURL, apiKey, maxRetries }).chat.completions.create({
    model: 'triage',
    messages: [{ role: 'user', content: 'block the card' }],
  });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

test("OpenAI's client is answered with its key, and meets its own error classes without", async () => {
  const answer = await ask(await makeKey('infer'));
  assert.equal(answer.choices[0]?.message.content, 'card');
  await assert.rejects(ask('sk-wrong'), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.deepEqual([error.status, error.code, error.type], [401, 'invalid_api_key', 'invalid_request_error']);
    assert.equal(error.headers.get('www-authenticate'), 'Bearer');
    return true;
  });
  await assert.rejects(ask(await makeKey('feedback')), (error) => {
    assert.ok(error instanceof OpenAI.PermissionDeniedError);
    assert.deepEqual([error.status, error.code], [403, 'insufficient_scope']);
    assert.match(error.message, /infer.*has feedback/);
    return true;
  });
});

test('a key that asks too fast is told how long to wait, and others go on', async () => {
  const [fast, other] = [await makeKey('infer'), await makeKey('infer')];
  const began = performance.now();
  for (let n = 0; n < 20; n += 1) await ask(fast);
  await assert.rejects(ask(fast), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, 'rate_limit_exceeded');
    const seconds = Number(error.headers.get('retry-after'));
    const passed = (performance.now() - began) / 1000;
    assert.ok(seconds <= 100 && seconds >= 99 - passed, `${seconds} s after ${passed} s`);
    return true;
  });
  await ask(other);
});

test('each route takes keys of its own scope and of admin, and probes take none', async () => {
  const routes = [...new Set(routesOf(gateway.app).map(({ url }) => url))];
  assert.deepEqual(routes.sort(), Object.keys(gatewayScopes).sort(), 'a route without an entry is admin only');
  const statusOf = async (url: string, headers: Record<string, string>) => {
    const method = /chat|feedback/.test(url) ? 'POST' : 'GET';
    const { statusCode } = await gateway.app.inject({ method, url, headers });
    return statusCode;
  };
  const keys = { infer: await makeKey('infer'), feedback: await makeKey('feedback'), admin: await makeKey('admin') };
  for (const [url, scope] of Object.entries(gatewayScopes)) {
    assert.equal((await statusOf(url, {})) === 401, scope !== 'open', url);
    for (const [name, key] of Object.entries(keys)) {
      const refused = [401, 403].includes(await statusOf(url, bearer(key)));
      assert.equal(refused, scope !== 'open' && scope !== name && name !== 'admin', `${url} with ${name}`);
    }
  }
});

test('the review API asks for review or admin on the server, and takes any Host from who has a key', async () => {
  const { logger } = memoryLogger();
  const keys = await followKeys({ db: gateway.db, logger, maxAgeMs: 60_000, patienceMs, pollMs: 20 });
  const review = buildReview({ config: testConfig(), db: gateway.db, logger, keys, signal: silentSignals });
  await review.ready();
  const routes = [...new Set(routesOf(review).map(({ url }) => url))];
  assert.deepEqual(routes.sort(), Object.keys(reviewScopes).sort(), 'a route without an entry is admin only');
  const [reviewer, admin, app] = [await makeKey('review'), await makeKey('admin'), await makeKey('infer')];
  const status = async (method: 'GET' | 'POST', url: string, key?: string) => {
    const headers = { host: 'review.example.com', ...(key === undefined ? {} : bearer(key)) };
    const payload = method === 'POST' ? { payload: { model: 'triage', operator: 'ann' } } : {};
    return (await review.inject({ method, url, headers, ...payload })).statusCode;
  };
  assert.equal(await status('GET', '/healthz'), 200);
  assert.deepEqual(
    await Promise.all([undefined, app, reviewer, admin].map((key) => status('GET', '/api/review', key))),
    [401, 403, 200, 200],
  );
  assert.deepEqual(
    await Promise.all([undefined, app, reviewer, admin].map((key) => status('POST', '/api/retrain', key))),
    [401, 403, 403, 202],
  );
  await review.close();
  await keys.close();
});

test('no line of the log holds a key, at any level', async () => {
  const key = await makeKey('infer');
  await ask(key);
  await assert.rejects(ask(`${key}x`));
  await assert.rejects(fetch(`${baseURL}/chat/completions`, { method: 'POST', headers: { bad: 'ü\0' } }));
  const lines = gateway.lines.join('');
  assert.match(lines, new RegExp(`"requestId":"chatcmpl-[^"]+".*"status":200,"model":"triage","version":"v1"`));
  assert.match(lines, new RegExp(splitKey(key)?.id ?? 'no key'));
  assert.ok(!lines.includes(splitKey(key)?.secret ?? ''));
});

test('without keys, a page of another name or origin is refused by the gateway as well', async () => {
  const open = await startTestGateway();
  const status = async (headers: Record<string, string>) =>
    (await open.app.inject({ method: 'POST', url: '/chat', payload: { prompt: 'x' }, headers })).statusCode;
  assert.equal(await status({ host: 'rebound.example.com' }), 403);
  assert.equal(await status({ host: 'localhost:8080', origin: 'https://elsewhere.example.com' }), 403);
  assert.equal(await status({ host: 'localhost:8080', authorization: 'Bearer anything' }), 503);
  await open.close();
});
