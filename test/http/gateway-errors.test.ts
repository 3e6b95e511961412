import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { errorCatalogue, type ErrorCode } from '../../src/errors.ts';
import { startTestGateway } from './fixtures.ts';

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
before(async () => {
  gateway = await startTestGateway();
  await gateway.promote('');
  await gateway.champions.refresh();
});
after(() => gateway.close());

const canary = 'canary-7f3';
const completions = '/v1/chat/completions';
const json = { 'content-type': 'application/json' };
const user = [{ role: 'user', content: canary }];
const request = (payload: object, url = completions): InjectOptions => ({ method: 'POST', url, payload });

const cases: [name: string, request: InjectOptions, code: ErrorCode, message: RegExp][] = [
  [
    'malformed JSON',
    { method: 'POST', url: '/chat', payload: `{"prompt": ${canary}`, headers: json },
    'malformed_json',
    /JSON/,
  ],
  ['an empty body', { method: 'POST', url: '/chat', headers: json }, 'malformed_json', /JSON/],
  [
    'another content type',
    { method: 'POST', url: '/chat', payload: canary, headers: { 'content-type': 'text/csv' } },
    'invalid_request',
    /application\/json/,
  ],
  [
    'JSON that would change a prototype',
    { method: 'POST', url: '/chat', payload: `{"__proto__": {"a": "${canary}"}}`, headers: json },
    'malformed_json',
    /JSON/,
  ],
  ['an over-long body', request({ prompt: canary.repeat(2000) }, '/chat'), 'body_too_large', /bodyLimitKb/],
  ['an unknown route', { method: 'GET', url: `/v1/${canary}` }, 'route_not_found', /POST \/v1\/chat\/completions/],
  ['a path that is no URL', { method: 'GET', url: `/%E0%A4%A/${canary}` }, 'invalid_request', /URL path/],
  ['a body that is no object', request([canary]), 'invalid_request', /expected object/],
  ['no model', request({ messages: user }), 'invalid_request', /^model: .*expected string/],
  [
    'messages of a wrong type',
    request({ model: 'triage', messages: canary }),
    'invalid_request',
    /^messages: .*expected array/,
  ],
  [
    'content of a wrong type',
    request({ model: 'triage', messages: [{ role: 'user', content: 7 }] }),
    'invalid_request',
    /^messages\.0\.content: wanted a string/,
  ],
  [
    'a role that is none',
    request({ model: 'triage', messages: [{ role: canary, content: 'hi' }] }),
    'invalid_request',
    /^messages\.0\.role/,
  ],
  ['an unknown model', request({ model: canary, messages: user }), 'model_not_found', /triage/],
  ['an unknown model by path', { method: 'GET', url: `/v1/models/${canary}` }, 'model_not_found', /triage/],
  ['no messages', request({ model: 'triage', messages: [] }), 'empty_prompt', /one message/],
  ['an empty prompt', request({ prompt: ' \n' }, '/chat'), 'empty_prompt', /one message/],
  ['a number of answers that is none', request({ model: 'triage', messages: user, n: 0 }), 'invalid_request', /^n: /],
  ['tools', request({ model: 'triage', messages: user, tools: [{ type: 'function' }] }), 'unsupported', /^tools/],
  [
    'a JSON answer',
    request({ model: 'triage', messages: user, response_format: { type: 'json_object' } }),
    'unsupported',
    /^response_format/,
  ],
  [
    'an image',
    request({
      model: 'triage',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: canary } }] }],
    }),
    'unsupported',
    /^messages\.0\.content/,
  ],
  [
    'feedback on an unknown request',
    request({ request_id: canary, kind: 'report' }, '/v1/feedback'),
    'request_not_found',
    /id of a response/,
  ],
  [
    'feedback on a request id with a zero byte',
    request({ request_id: 'a\0b', kind: 'report' }, '/v1/feedback'),
    'invalid_request',
    /^request_id: wanted a request id/,
  ],
  [
    'feedback of an unknown kind',
    request({ request_id: 'a', kind: canary }, '/v1/feedback'),
    'invalid_request',
    /^kind: .*"thumbs_up"/,
  ],
  [
    'feedback with an empty correction',
    request({ request_id: 'a', kind: 'report', correction: ' ' }, '/v1/feedback'),
    'invalid_request',
    /^correction/,
  ],
];

for (const [name, options, code, message] of cases) {
  test(`${name}: ${code}, in OpenAI's shape, without a word of the request`, async () => {
    const response = await gateway.app.inject(options);
    const { status, type } = errorCatalogue[code];
    assert.equal(response.statusCode, status, response.body);
    const { error } = response.json<{ error: { message: string; type: string; code: string } }>();
    assert.deepEqual([error.type, error.code], [type, code]);
    assert.match(error.message, message);
    assert.doesNotMatch(response.body + gateway.lines.join(''), new RegExp(canary));
  });
}

test('with the database down answers go on, and feedback says what is wrong', async () => {
  const alone = await startTestGateway();
  await alone.promote('');
  await alone.champions.refresh();
  await alone.disconnect();
  const answer = await alone.app.inject(request({ prompt: 'block the card' }, '/chat'));
  assert.equal(answer.statusCode, 200);
  const feedback = await alone.app.inject(request({ request_id: canary, kind: 'report' }, '/v1/feedback'));
  assert.ok(feedback.statusCode >= 500);
  assert.doesNotMatch(feedback.body + alone.lines.join(''), new RegExp(canary));
  await alone.close({ disconnected: true });
});
