import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsKeys, openServerKeys } from '../../infra/server-keys.ts';
import { configSchema } from '../../src/config.ts';
import { createKey, revokeKey, type Scope } from '../../src/http/keys.ts';
import { memoryLogger, testConfig } from '../http/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());

const { logger } = memoryLogger();
const open = (name: 'gateway' | 'console', server: object) =>
  openServerKeys(name, { config: testConfig({ [name]: server }), db: database.db, logger });
const make = (scopes: Scope[], expiresAt: Date | null = null) =>
  createKey(database.db, { name: 'test', scopes, expiresAt, actor: 'ann' });

test('keys are off on loopback unless they are asked for, and on everywhere else', () => {
  for (const host of ['127.0.0.1', '127.8.0.1', 'localhost', '::1']) {
    assert.equal(needsKeys({ host, auth: 'auto' }), false, host);
    assert.equal(needsKeys({ host, auth: 'on' }), true, host);
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.5', 'gateway.internal', '128.0.0.1', '127.0.0.1.example.com']) {
    assert.equal(needsKeys({ host, auth: 'auto' }), true, host);
  }
});

test('the configuration takes auth: off on loopback only', () => {
  const models = { triage: { serve: { kind: 'onnx' } } };
  const parse = (host: string) => configSchema.safeParse({ models, gateway: { host, auth: 'off' } });
  assert.ok(parse('127.0.0.1').success);
  const refused = parse('0.0.0.0');
  const [issue] = refused.error?.issues ?? [];
  assert.deepEqual(issue?.path, ['gateway', 'auth']);
  assert.match(issue.message, /loopback.*make keys/);
});

test('a server that others can reach starts only with a usable key for it, and says how to make one', async () => {
  const here = await open('gateway', {});
  assert.equal(here, undefined);
  const refused = {
    code: 'keys_required',
    message: /0\.0\.0\.0.*relearn keys create --name NAME --scope infer,feedback/s,
  };
  await assert.rejects(open('gateway', { host: '0.0.0.0' }), refused);
  await assert.rejects(open('console', { auth: 'on' }), { code: 'keys_required', message: /console\.auth to auto/ });

  await make(['review']);
  await make(['infer'], new Date(Date.now() - 1000));
  const { view } = await make(['infer']);
  await revokeKey(database.db, { id: view.id, actor: 'ann' });
  await assert.rejects(open('gateway', { host: '0.0.0.0' }), refused);
  const console = await open('console', { host: '0.0.0.0' });
  assert.ok(console !== undefined);
  await console.close();
  await make(['infer']);
  const gateway = await open('gateway', { host: '0.0.0.0' });
  assert.ok(gateway !== undefined);
  await gateway.close();
});
