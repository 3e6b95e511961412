import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { payloadToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { FastifyInstance } from 'fastify';
import { codecBody, type PayloadAccess } from '../../src/http/codec-routes.ts';
import { buildReview } from '../../src/http/review.ts';
import { createPayloadCodec } from '../../src/payload/codec.ts';
import { readPayloadKeys } from '../../src/payload/keys.ts';
import { startTestConsole, type TestConsole } from '../console/fixtures.ts';
import { memoryLogger, silentSignals, testConfig } from './fixtures.ts';

const ui = 'https://temporal.example.com';
const codec = createPayloadCodec(readPayloadKeys(`a:${'A'.repeat(43)}=`));
const payloads: PayloadAccess = { codec, namespace: 'loop', uiOrigins: new Set([ui]) };

let open: FastifyInstance;
let guarded: TestConsole;
before(async () => {
  guarded = await startTestConsole({ payloads });
  const { logger } = memoryLogger();
  open = buildReview({ config: testConfig(), db: guarded.db, signal: silentSignals, logger, payloads });
});
after(async () => {
  await open.close();
  await guarded.close();
});

const plain = payloadToJSON(defaultPayloadConverter.toPayload({ reason: 'xylocanary' }));
async function sealed() {
  return (await codec.encode([defaultPayloadConverter.toPayload({ reason: 'xylocanary' })])).map(payloadToJSON);
}

function ask(app: FastifyInstance, what: 'decode' | 'encode', payload: object, headers: Record<string, string> = {}) {
  const own = { host: '127.0.0.1', 'x-namespace': 'loop', ...headers };
  return app.inject({ method: 'POST', url: `/codec/${what}`, payload, headers: own });
}

test('the UI of a server without keys has payloads decrypted and encrypted, by Temporal’s protocol', async () => {
  const decoded = await ask(open, 'decode', { payloads: [...(await sealed()), plain] }, { origin: ui });
  assert.deepEqual(decoded.json(), { payloads: [plain, plain] });
  assert.equal(decoded.headers['access-control-allow-origin'], ui);
  assert.equal(decoded.headers['access-control-allow-credentials'], 'true');
  assert.equal(decoded.headers['cache-control'], 'no-store');

  const encoded = codecBody.parse((await ask(open, 'encode', { payloads: [plain] })).json());
  assert.notDeepEqual(encoded, { payloads: [plain] });
  assert.deepEqual((await ask(open, 'decode', encoded)).json(), { payloads: [plain] });
  assert.deepEqual((await ask(open, 'decode', {})).json(), { payloads: [] });
});

test('payloads of another namespace are not encrypted: its workers could not read them', async () => {
  const answer = await ask(open, 'encode', { payloads: [plain] }, { 'x-namespace': 'other' });
  assert.deepEqual(answer.json(), { payloads: [plain] });
});

test('what cannot be read is an error that the UI may see, and that quotes nothing', async () => {
  const [one] = await createPayloadCodec(readPayloadKeys(`z:${'B'.repeat(43)}=`)).encode([
    defaultPayloadConverter.toPayload('xylocanary'),
  ]);
  assert.ok(one !== undefined);
  const unknown = await ask(open, 'decode', { payloads: [payloadToJSON(one)] }, { origin: ui });
  assert.deepEqual([unknown.statusCode, unknown.headers['access-control-allow-origin']], [400, ui]);
  assert.match(unknown.body, /encrypted with the key z, and RELEARN_PAYLOAD_KEYS knows a.*payload_unreadable/);
  for (const wrong of [{ payloads: [{ data: 'no base64!' }] }, { payloads: 'xylocanary' }]) {
    const answer = await ask(open, 'decode', wrong);
    assert.equal(answer.statusCode, 400);
    assert.doesNotMatch(answer.body, /xylocanary|no base64!/);
  }
});

test('a browser is told that pages of the UI may ask, and no others', async () => {
  const preflight = async (app: FastifyInstance, origin: string, url = '/codec/decode') => {
    const asks = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-namespace' };
    return app.inject({ method: 'OPTIONS', url, headers: { host: '127.0.0.1', origin, ...asks } });
  };
  for (const app of [open, guarded.app]) {
    const { statusCode, headers } = await preflight(app, ui);
    assert.equal(statusCode, 204);
    assert.equal(headers['access-control-allow-origin'], ui);
    assert.match(String(headers['access-control-allow-headers']), /content-type, x-namespace/);
    const foreign = await preflight(app, 'https://elsewhere.example.com');
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    assert.equal((await preflight(app, ui, '/api/retrain')).headers['access-control-allow-origin'], undefined);
  }
});

test('without keys, pages that are not the UI are refused, and the UI may ask nothing else', async () => {
  const foreign = await ask(open, 'decode', { payloads: await sealed() }, { origin: 'https://elsewhere.example.com' });
  assert.equal(foreign.statusCode, 403);
  const headers = { host: '127.0.0.1', origin: ui };
  const other = await open.inject({ method: 'POST', url: '/api/retrain', payload: { model: 'triage' }, headers });
  assert.equal(other.statusCode, 403);
});

test('with keys, who may operate has payloads decrypted, by key or by sign-in; nobody else does', async () => {
  const payload = { payloads: await sealed() };
  const withKey = async (scope: 'view' | 'review' | 'operate') => {
    const authorization = `Bearer ${await guarded.makeKey(scope)}`;
    return (await ask(guarded.app, 'decode', payload, { authorization, origin: ui })).statusCode;
  };
  assert.deepEqual(await Promise.all([withKey('view'), withKey('review'), withKey('operate')]), [403, 403, 200]);
  assert.equal((await ask(guarded.app, 'decode', payload, { origin: ui })).statusCode, 401);

  const signIn = await guarded.app.inject({
    ...{ method: 'POST', url: '/api/session', payload: { key: await guarded.makeKey('operate') } },
    headers: { host: '127.0.0.1' },
  });
  const [cookie = ''] = String(signIn.headers['set-cookie']).split(';');
  assert.equal((await ask(guarded.app, 'decode', payload, { cookie, origin: ui })).statusCode, 200);
  for (const origin of ['https://elsewhere.example.com', 'null']) {
    assert.equal((await ask(guarded.app, 'decode', payload, { cookie, origin })).statusCode, 403);
  }
  const rollback = { operator: 'eve', reason: 'x' };
  const headers = { host: '127.0.0.1', cookie, origin: ui };
  const url = '/api/models/mail/rollback';
  assert.equal((await guarded.app.inject({ method: 'POST', url, payload: rollback, headers })).statusCode, 403);
});
