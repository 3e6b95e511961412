import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { reviewScopes } from '../../src/http/keys-guard.ts';
import { startTestConsole, type TestConsole } from '../console/fixtures.ts';

let server: TestConsole;
before(async () => {
  server = await startTestConsole();
});
after(() => server.close());

const host = 'console.example.com';
const payload = { operator: 'eve', model: 'mail', reason: 'x', run: 1 };

async function signIn(key: string, headers: Record<string, string> = {}) {
  const url = '/api/session';
  const response = await server.app.inject({ method: 'POST', url, payload: { key }, headers: { host, ...headers } });
  const cookie = String(response.headers['set-cookie']);
  const { csrf = null } = z.object({ csrf: z.string().nullish() }).parse(response.json());
  return { status: response.statusCode, cookie, csrf: csrf ?? '' };
}
const fill = (url: string) => url.replace(':run', '1').replace(':model', 'mail').replace(':id', 'i1');

test('a key that only looks is refused by every route that changes something, and reads what the console shows', async () => {
  const authorization = `Bearer ${await server.makeKey('view')}`;
  const changing: string[] = [];
  for (const [url, scope] of Object.entries(reviewScopes)) {
    if (scope === 'open') continue;
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      if (!server.app.hasRoute({ method, url })) continue;
      changing.push(url);
      const response = await server.app.inject({ method, url: fill(url), payload, headers: { authorization } });
      assert.equal(response.statusCode, 403, `${method} ${url}`);
    }
  }
  assert.ok(changing.length >= 16, changing.join(' '));
  for (const url of [
    '/api/overview',
    '/api/models',
    '/api/incidents',
    '/api/incidents/i1',
    '/api/review',
    '/api/openapi.json',
  ]) {
    assert.equal((await server.app.inject({ url, headers: { authorization } })).statusCode, 200, url);
  }
});

test('a reviewer answers and does not operate; an operator does both', async () => {
  const status = async (scope: 'review' | 'operate', url: string) => {
    const authorization = `Bearer ${await server.makeKey(scope)}`;
    return (await server.app.inject({ method: 'POST', url, payload, headers: { authorization } })).statusCode;
  };
  assert.equal(await status('review', '/api/review/next'), 200);
  assert.equal(await status('review', '/api/models/mail/rollback'), 403);
  assert.equal(await status('review', '/api/incidents/i1/close'), 403);
  assert.equal(await status('operate', '/api/review/next'), 200);
  assert.equal(await status('operate', '/api/models/mail/rollback'), 202);
});

test('a session changes things with its CSRF token and from its own page only, and ends with sign-out or its key', async () => {
  const { cookie, csrf } = await signIn(await server.makeKey('operate'));
  assert.match(cookie, /^relearn_session=[\w-]{43}; .*HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  const [session = ''] = cookie.split(';');
  const rollBack = async (headers: Record<string, string>) => {
    const url = '/api/models/mail/rollback';
    return (await server.app.inject({ method: 'POST', url, payload, headers: { host, cookie: session, ...headers } }))
      .statusCode;
  };
  assert.equal(await rollBack({}), 403);
  assert.equal(await rollBack({ 'x-csrf-token': `${csrf}x` }), 403);
  assert.equal(await rollBack({ 'x-csrf-token': csrf, origin: 'https://elsewhere.example.com' }), 403);
  assert.equal(await rollBack({ 'x-csrf-token': csrf, origin: `https://${host}` }), 202);
  const stored = await server.db.query<{ row: string }>('select s::text as row from relearn.sessions s');
  assert.ok(
    stored.every(({ row }) => !row.includes(session.split('=')[1] ?? '?')),
    'only its hash is stored',
  );

  await server.app.inject({ method: 'DELETE', url: '/api/session', headers: { host, cookie: session } });
  assert.equal(await rollBack({ 'x-csrf-token': csrf }), 401);

  const key = await server.makeKey('operate');
  const second = await signIn(key);
  const [other = ''] = second.cookie.split(';');
  const read = async () =>
    (await server.app.inject({ url: '/api/overview', headers: { host, cookie: other } })).statusCode;
  assert.equal(await read(), 200);
  await server.db.query('update relearn.keys set revoked_at = now()');
  while ((await read()) === 200) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await read(), 401);
});

test('nobody signs in from another page, with a key of an app, or with none', async () => {
  assert.equal((await signIn(await server.makeKey('view'), { origin: 'https://elsewhere.example.com' })).status, 403);
  assert.equal((await signIn(await server.makeKey('infer'))).status, 403);
  assert.equal((await signIn('rl_no')).status, 401);
});

test('every answer carries a strict content security policy, and the page is there', async () => {
  const { statusCode, headers, body } = await server.app.inject({ url: '/', headers: { host } });
  assert.equal(statusCode, 200);
  assert.match(body, /<div id="root">/);
  assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src 'self'; /);
  assert.doesNotMatch(String(headers['content-security-policy']), /unsafe/);
});

test('the OpenAPI document names routes that are there, with their scopes', async () => {
  const authorization = `Bearer ${await server.makeKey('view')}`;
  const response = await server.app.inject({ url: '/api/openapi.json', headers: { authorization } });
  const { openapi, paths } = z
    .object({
      openapi: z.string(),
      paths: z.record(z.string(), z.record(z.string(), z.looseObject({ 'x-scope': z.string() }))),
    })
    .parse(response.json());
  assert.equal(openapi, '3.1.0');
  for (const [path, methods] of Object.entries(paths)) {
    const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
    for (const method of Object.keys(methods)) {
      assert.ok(server.app.hasRoute({ method: method === 'get' ? 'GET' : 'POST', url }), `${method} ${url}`);
    }
  }
});
