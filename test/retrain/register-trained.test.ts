import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { openArtifactDirectory } from '../../src/promote/artifacts.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { nameEndpoint } from '../../src/promote/upstream-version.ts';
import { registerTrained } from '../../src/retrain/register-trained.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());
beforeEach(async () => {
  await database.db.query(`truncate relearn.models cascade`);
});

const url = 'http://vllm.example/v1';

/** What a run of a command trainer has printed. */
function register(printed: { upstreamModel: string; loraPath?: string }, run: number, model = 'chat', at = url) {
  const { db } = database;
  return registerTrained(
    { db, artifacts: openArtifactDirectory('none') },
    { kind: 'upstream', lowConfidenceBelow: null, seconds: 1, metadata: printed },
    {
      ...{ model, run, dataset: null, parent: null, trainer: 'command' },
      serve: {
        ...{ kind: 'upstream', url: at, upstreamModel: 'big', lora: true, timeoutSeconds: 1, retries: 0 },
      },
    },
  );
}

const taken = { code: 'invalid_artifact', message: /that version v\d of chat has: .*RELEARN_RUN/ };

test('an adapter has a name and a folder that no other version of its upstream has', async () => {
  await registerVersion(database.db, {
    ...{ model: 'chat', kind: 'upstream', artifact: null, dataset: null, parent: null, run: null },
    ...{ lowConfidenceBelow: null, metadata: { upstreamModel: 'big', ...nameEndpoint(url) } },
  });
  assert.equal(await register({ upstreamModel: 'chat-1', loraPath: '/adapters/1' }, 1), 'v2');
  for (const again of [
    { upstreamModel: 'chat-1', loraPath: '/adapters/2' },
    { upstreamModel: 'chat-2', loraPath: '/adapters/1' },
    { upstreamModel: 'big', loraPath: '/adapters/2' },
  ]) {
    await assert.rejects(register(again, 2), taken);
  }
  assert.equal(await register({ upstreamModel: 'chat-2', loraPath: '/adapters/2' }, 2), 'v3');
});

test('models that share an upstream share its names; other upstreams have their own', async () => {
  const adapter = { upstreamModel: 'adapter', loraPath: '/adapters/latest' };
  await register(adapter, 1);
  await assert.rejects(register(adapter, 1, 'mail'), taken);
  assert.equal(await register(adapter, 1, 'mail', 'http://other.example/v1'), 'v1');
});

test('a run that registers again gets its version, and a model without an adapter may be named again', async () => {
  const adapter = { upstreamModel: 'chat-1', loraPath: '/adapters/1' };
  assert.deepEqual([await register(adapter, 1), await register(adapter, 1)], ['v1', 'v1']);
  assert.equal(await register({ upstreamModel: 'chat-1' }, 2), 'v2');
});
