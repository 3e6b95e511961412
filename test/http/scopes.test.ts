import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createKey } from '../../src/http/keys.ts';
import { buildReview } from '../../src/http/review.ts';
import { startVersionsConsole, type VersionsConsole } from '../console/versions-fixtures.ts';
import { memoryLogger, silentSignals, startTestGateway, testConfig } from './fixtures.ts';
import { fillPath, routesOf } from './routes.ts';

let server: VersionsConsole;
before(async () => {
  server = await startVersionsConsole();
});
after(() => server.close());

const host = 'console.example.com';
const foreign = 'https://elsewhere.example.com';
const reads = ['GET', 'OPTIONS'];
/** Enough of what routes want for one that lets it pass to do something. */
const payload = { operator: 'eve', by: 'eve', model: 'mail', reason: 'x', text: 'x', tag: 't', request_ids: ['r00'] };

const changing = z.object({ method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']), url: z.string() });

/** Every route that changes something, as Fastify has it: a new one is among them by itself. */
function changesOf(app: FastifyInstance) {
  return routesOf(app)
    .filter(({ method }) => !reads.includes(method))
    .map((route) => changing.parse(route));
}

/** Signing in and out concerns the one who does so only. */
const own = (url: string) => url === '/api/session';

/** What a request may have changed. */
async function everything(): Promise<unknown> {
  return server.db.query(
    `select (select count(*) from relearn.audit) as audit, (select count(*) from relearn.tags) as tags,
       (select count(*) from relearn.corrections) as corrections, (select count(*) from relearn.review_actions) as actions,
       (select count(*) from relearn.incidents) as incidents, (select count(*) from relearn.erasures) as erasures`,
  );
}

test("a viewer's key is refused with 403 by every route of the review API that changes something", async () => {
  const authorization = `Bearer ${await server.makeKey('view')}`;
  const changes = changesOf(server.app).filter(({ url }) => !own(url));
  assert.ok(changes.length >= 20, changes.map(({ url }) => url).join(' '));
  const before = await everything();
  for (const { url, method } of changes) {
    const response = await server.app.inject({ method, url: fillPath(url), payload, headers: { authorization } });
    assert.equal(response.statusCode, 403, `${method} ${url}: ${response.body}`);
  }
  assert.deepEqual([await everything(), server.asked], [before, []]);
});

test("a viewer's key is refused with 403 by every route of the gateway that takes something", async () => {
  const gateway = await startTestGateway({ needsKeys: true });
  const { key } = await createKey(gateway.db, { name: 'v', scopes: ['view'], expiresAt: null, actor: 'test' });
  const headers = { authorization: `Bearer ${key}` };
  const changes = changesOf(gateway.app);
  assert.ok(changes.length >= 3);
  for (const { url, method } of changes) {
    assert.equal((await gateway.app.inject({ method, url, payload, headers })).statusCode, 403, url);
  }
  await gateway.close();
});

test('another page is refused with 403 by every route that changes something, with a session and its CSRF token', async () => {
  const signedIn = await server.app.inject({
    ...{ method: 'POST', url: '/api/session', payload: { key: await server.makeKey('admin') }, headers: { host } },
  });
  const { csrf } = z.object({ csrf: z.string() }).parse(signedIn.json());
  const [cookie = ''] = String(signedIn.headers['set-cookie']).split(';');
  const headers = { host, cookie, 'x-csrf-token': csrf, origin: foreign };
  const key = await server.makeKey('admin');
  const before = await everything();
  for (const { url, method } of changesOf(server.app)) {
    const given = own(url) ? { key } : payload;
    const response = await server.app.inject({ method, url: fillPath(url), payload: given, headers });
    assert.equal(response.statusCode, 403, `${method} ${url}: ${response.body}`);
  }
  assert.deepEqual([await everything(), server.asked], [before, []]);
  const withoutToken = { host, cookie };
  for (const { url, method } of changesOf(server.app).filter((each) => !own(each.url))) {
    const response = await server.app.inject({ method, url: fillPath(url), payload, headers: withoutToken });
    assert.equal(response.statusCode, 403, `${method} ${url} without the token`);
  }
});

test('another page is refused by every route that changes something while keys are off, too', async () => {
  const config = testConfig({ models: { mail: { serve: { kind: 'onnx' } } } });
  const app = buildReview({ config, db: server.db, logger: memoryLogger().logger, signal: silentSignals });
  await app.ready();
  const headers = { host: '127.0.0.1:8081', origin: foreign };
  const before = await everything();
  for (const { url, method } of changesOf(app)) {
    const response = await app.inject({ method, url: fillPath(url), payload, headers });
    assert.equal(response.statusCode, 403, `${method} ${url}: ${response.body}`);
  }
  assert.deepEqual(await everything(), before);
  await app.close();
});
