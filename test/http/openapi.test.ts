import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { reviewScopes } from '../../src/http/keys-guard.ts';
import { describedRoutes } from '../../src/http/openapi.ts';
import { startVersionsConsole, type VersionsConsole } from '../console/versions-fixtures.ts';
import { fillPath, routesOf } from './routes.ts';

let server: VersionsConsole;
let admin: { authorization: string };
before(async () => {
  server = await startVersionsConsole();
  admin = { authorization: `Bearer ${await server.makeKey('admin')}` };
});
after(() => server.close());

/** Files of the page, which are no part of the API. */
const files = ['/', '/assets/*'];

const content = z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) }));
const operation = z.looseObject({
  operationId: z.string(),
  'x-scope': z.string(),
  requestBody: z.object({ content }).optional(),
  responses: z.looseObject({ '2XX': z.object({ content }) }),
});
const documentSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

async function readDocument() {
  const { statusCode, body } = await server.app.inject({ url: '/api/openapi.json', headers: admin });
  assert.equal(statusCode, 200, body);
  const raw: unknown = JSON.parse(body);
  return { raw, document: documentSchema.parse(raw) };
}

test('the document is valid OpenAPI 3.1, and every schema in it is a JSON schema', async () => {
  const { raw, document } = await readDocument();
  const { valid, errors } = await new Validator().validate(z.record(z.string(), z.unknown()).parse(raw));
  assert.ok(valid, JSON.stringify(errors));
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { requestBody, responses }] of Object.entries(methods)) {
      const schemas = [...Object.values(requestBody?.content ?? {}), ...Object.values(responses['2XX'].content)];
      for (const { schema } of schemas) assert.ok(ajv.validateSchema(schema), `${method} ${path}`);
    }
  }
});

test('it lists every route of the server with method and scope, and no other', async () => {
  const { document } = await readDocument();
  const told = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { 'x-scope': scope }]) => {
      const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
      const wanted = reviewScopes[url] === 'view' && method !== 'get' ? 'review' : reviewScopes[url];
      assert.equal(scope, wanted, `${method} ${url}`);
      return `${method.toUpperCase()} ${url}`;
    }),
  );
  const there = routesOf(server.app)
    .filter(({ url, method }) => !files.includes(url) && method !== 'OPTIONS')
    .map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(told.sort(), there.sort());
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((each) => each.operationId),
  );
  assert.equal(new Set(ids).size, ids.length, 'each operation has an id of its own');
});

test('what changes something says what it takes, but for those that take nothing', () => {
  const silent = describedRoutes.filter(({ method, body }) => method === 'post' && body === undefined);
  assert.deepEqual(silent, []);
});

test('routes answer what the document says, and refuse as it says', async () => {
  await server.db.query(`insert into relearn.erasures (user_id_hash, requested_by) values (repeat('0', 16), 'ann')`);
  const queries: Record<string, string> = {
    '/api/labels': '?model=mail',
    '/api/log': '?model=mail',
    '/api/log/count': '?model=mail',
    '/api/log/facets': '?model=mail',
    '/api/log/row': '?request_id=r00',
    '/api/review/state': '?model=mail',
    '/api/review/said': '?request_id=r00',
    '/api/tags': '?model=mail',
    '/api/lineage': '?request_id=r00',
  };
  const refused = z.object({ error: z.object({ message: z.string(), code: z.string(), type: z.string() }) });
  for (const { path, method, answer, query } of describedRoutes) {
    if (method !== 'get' || answer === null) continue;
    const url = `${fillPath(path)}${queries[path] ?? ''}`;
    const response = await server.app.inject({ url, headers: admin });
    assert.equal(response.statusCode, 200, `${url}: ${response.body}`);
    const parsed = answer.safeParse(response.json());
    assert.ok(parsed.success, `${url}: ${parsed.error?.message ?? ''}`);
    if (query === undefined || queries[path] === undefined) continue;
    refused.parse((await server.app.inject({ url: path, headers: admin })).json());
  }
});
