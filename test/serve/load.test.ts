import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { AddressInfo } from 'node:net';
import { configSchema } from '../../src/config.ts';
import type { RelearnError } from '../../src/errors.ts';
import { loadRegistered } from '../../src/serve/load.ts';
import { openArtifactDirectory } from '../../src/promote/artifacts.ts';
import { nameEndpoint } from '../../src/promote/upstream-version.ts';

/** A fake OpenAI-compatible endpoint that notes who asks. */
const keys: (string | undefined)[] = [];
const adapters: string[] = [];
let loadedFrom = '/adapters/chat-1';
const endpoint = createServer((request, response) => {
  if (request.url === '/v1/load_lora_adapter') {
    void text(request).then((body) => {
      adapters.push(body);
      const again = adapters.length > 1; // as vLLM answers then
      response.statusCode = again ? 400 : 200;
      response.end(again ? '{"message":"The lora adapter has already been loaded."}' : 'Success');
    });
    return;
  }
  if (request.url === '/v1/models') {
    response.end(
      JSON.stringify({
        data: [
          { id: 'big', root: '/big' },
          { id: 'chat-1', root: loadedFrom },
        ],
      }),
    );
    return;
  }
  keys.push(request.headers.authorization);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'hello' } }] }));
});
before(() => new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve)));
after(() => endpoint.close());

test('the key of an upstream comes from the environment variable that the configuration names', async () => {
  const { port } = endpoint.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1`;
  const { models } = configSchema.parse({
    models: { chat: { serve: { kind: 'upstream', url, upstreamModel: 'big', apiKeyEnv: 'BIG_KEY' } } },
  });
  const loaded = await loadRegistered(
    {
      ...{ models, artifacts: openArtifactDirectory('none') },
      load: () => Promise.reject(new Error('not an ONNX model')),
      secret: (name) => (name === 'BIG_KEY' ? 'sk-test' : undefined),
    },
    {
      ...{ model: 'chat', version: 'v1', kind: 'upstream', artifact: null, dataset: null, parent: null, run: null },
      ...{ lowConfidenceBelow: null, metadata: {} },
    },
    new Date(),
  );
  const [answer] = await loaded.serving.use((served) => served.answer([[{ role: 'user', content: 'hi' }]]));
  assert.equal(answer?.text, 'hello');
  assert.deepEqual(keys, ['Bearer sk-test']);
  await loaded.retire();
});

function loadAdapter(version: string, loraPath: string) {
  const { port } = endpoint.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1`;
  const { models } = configSchema.parse({
    models: { chat: { serve: { kind: 'upstream', url, upstreamModel: 'big', lora: true } } },
  });
  return loadRegistered(
    {
      ...{ models, artifacts: openArtifactDirectory('none'), secret: () => undefined },
      load: () => Promise.reject(new Error('not an ONNX model')),
    },
    {
      ...{ model: 'chat', version, kind: 'upstream', artifact: null, dataset: null, parent: 'v1', run: 1 },
      ...{ lowConfidenceBelow: null, metadata: { upstreamModel: 'chat-1', loraPath } },
    },
    new Date(),
  );
}

test('the adapter of a trained version is loaded by vLLM before the version is asked, and may be there already', async () => {
  for (const version of ['v2', 'v2']) {
    const loaded = await loadAdapter(version, '/adapters/chat-1');
    await loaded.retire();
  }
  const asked = '{"lora_name":"chat-1","lora_path":"/adapters/chat-1"}';
  assert.deepEqual(adapters, [asked, asked]);
});

test('an adapter that is loaded under its name from elsewhere never answers for a version', async () => {
  loadedFrom = '/adapters/of-another-run';
  await assert.rejects(loadAdapter('v3', '/adapters/chat-1'), {
    code: 'invalid_artifact',
    message: /another adapter loaded under the name chat-1/,
  });
});

test('a version of another endpoint than the configured one is refused, and the message holds no secret of either url', async () => {
  const { models } = configSchema.parse({
    models: {
      chat: { serve: { kind: 'upstream', url: 'https://user:secret@there.example/v1', upstreamModel: 'big' } },
    },
  });
  const metadata = { upstreamModel: 'big', ...nameEndpoint('https://user:secret@here.example/v1?key=secret') };
  await assert.rejects(
    loadRegistered(
      {
        ...{ models, artifacts: openArtifactDirectory('none'), secret: () => undefined },
        load: () => Promise.reject(new Error('not an ONNX model')),
      },
      {
        ...{ model: 'chat', version: 'v1', kind: 'upstream', artifact: null, dataset: null, parent: null, run: null },
        ...{ lowConfidenceBelow: null, metadata },
      },
      new Date(),
    ),
    ({ code, message }: RelearnError) =>
      code === 'invalid_config' &&
      /another endpoint, at https:\/\/here\.example/.test(message) &&
      !/secret/.test(message),
  );
});
