import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readOrMakeCertificateKeys } from '../../infra/certificate-keys.ts';
import { deployIncumbentUpstreams } from '../../infra/deploy.ts';
import { startGateway } from '../../infra/gateway-process.ts';
import { makeRuntime, type Runtime } from '../../infra/runtime.ts';
import { configSchema } from '../../src/config.ts';
import { memoryLogger } from '../http/fixtures.ts';
import { fakeChunk, startFakeUpstream } from '../serve/fake-upstream.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
let runtime: Runtime;
let directory: string;
let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'relearn-gateway-'));
  upstream = await startFakeUpstream(() => ({ chunks: [fakeChunk({ content: 'half an answer' })], then: 'hang' }));
  const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big-2026' };
  const config = configSchema.parse({
    ...{ stateDir: directory, gateway: { port: 0 } },
    models: { chat: { serve, sampling: { healthyRate: 1 } } },
  });
  runtime = makeRuntime(config, '', {
    ...{ databaseUrl: database.url, namespace: 'default', logLevel: 'warn', cacheDirectory: directory },
    secret: (name) => (name === 'RELEARN_HASH_KEY' ? 'a key for this test alone' : undefined),
  });
  await readOrMakeCertificateKeys(config, runtime.environment.secret);
  await deployIncumbentUpstreams(runtime);
});
after(async () => {
  await runtime.close();
  await upstream.close();
  await database.close();
  await rm(directory, { recursive: true });
});

test('a gateway does not serve another model of the endpoint than the certificate names', async () => {
  const { db } = database;
  const tamper = (name: string) =>
    db.query(`update relearn.versions set metadata = metadata || jsonb_build_object('upstreamModel', $1::text)`, [
      name,
    ]);
  await tamper('another-2026');
  const { logger, lines } = memoryLogger();
  const gateway = await startGateway(runtime, logger);
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
  assert.match(lines.join(''), /another model, adapter or endpoint of an upstream/);
  await gateway.stop();
  await tamper('big-2026');
});

test('a gateway that ends breaks off a stream that goes on, and logs what there was of it', async () => {
  const gateway = await startGateway(runtime, memoryLogger().logger);
  const messages = [{ role: 'user', content: 'tell me more' }];
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ model: 'chat', stream: true, messages }),
  });
  const reader = response.body?.getReader();
  const first = await reader?.read();
  assert.match(Buffer.from(first?.value ?? []).toString(), /half an answer/);
  const reading = (async () => {
    while ((await reader?.read())?.done === false);
  })();
  await Promise.all([gateway.stop(), assert.rejects(reading)]);
  assert.deepEqual(await database.db.query('select response from relearn.samples'), [{ response: 'half an answer' }]);
});
