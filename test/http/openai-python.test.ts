import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fakeChunk, fakeCompletion, startFakeUpstream } from '../serve/fake-upstream.ts';
import { startTestGateway, testConfig } from './fixtures.ts';
import { openaiPython } from './openai-package.ts';

const root = new URL('../../../', import.meta.url);
const script = fileURLToPath(new URL('test/http/openai-python.py', root));
const skip = existsSync(openaiPython)
  ? false
  : 'the openai package of PyPI is not there: npm run test:openai-python gets it';

let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let baseUrl: string;
before(async () => {
  upstream = await startFakeUpstream(({ body }) => {
    if (body['n'] === 0) return { status: 400, body: { error: { message: 'n: wanted 1 or more', code: 'wrong_n' } } };
    if (body['stream'] === true) {
      const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
      const said = ['ca', 'rd'].map((content) => fakeChunk({ content }));
      return { chunks: [...said, fakeChunk({}, { finish: 'stop' }), { ...fakeChunk({}), choices: [], usage }] };
    }
    const answer = fakeCompletion('card', [-0.1]).body;
    return { body: { ...answer, choices: [0, 1].map((index) => ({ ...answer.choices[0], index })) } };
  });
  const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big' };
  const models = { triage: { serve: { kind: 'onnx' } }, chat: { serve } };
  gateway = await startTestGateway({ config: testConfig({ models }) });
  await gateway.promote('');
  await gateway.deployUpstream('chat');
  baseUrl = await gateway.listen();
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

for (const [model, wrong] of [
  ['triage', 'invalid_request'],
  ['chat', 'wrong_n'],
] as const) {
  test(`the openai package of PyPI works unchanged with model ${model}`, { skip }, async () => {
    const { stdout } = await promisify(execFile)(openaiPython, [script, baseUrl, model]);
    assert.deepEqual(JSON.parse(stdout), {
      answers: ['card', 'card'],
      logprobs: [true, true],
      same_id: true,
      content_type: 'text/event-stream; charset=utf-8',
      streamed: 'card',
      finish: 'stop',
      usage: 0,
      errors: [
        ['NotFoundError', 'model_not_found'],
        ['BadRequestError', wrong],
      ],
      models: ['triage', 'chat'],
    });
  });
}
