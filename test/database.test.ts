import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { makeRuntime } from '../infra/runtime.ts';
import { configSchema } from '../src/config.ts';
import { openDatabase, withPatience } from '../src/database.ts';
import { createTestDatabase, type TestDatabase } from './stack.ts';
import { patienceMs } from './until.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());

test('a statement that takes longer than it may is ended, and the next one runs', async () => {
  const limited = openDatabase(database.url, { maxConnections: 1, connectMs: patienceMs, statementMs: 300 });
  const tooLong = { code: 'database_error', message: /57014.*took too long/ };
  await assert.rejects(limited.query(`select pg_sleep(${patienceMs / 1000})`), tooLong);
  await assert.rejects(
    limited.transaction((tx) => tx.query(`select pg_sleep(${patienceMs / 1000})`)),
    tooLong,
  );
  assert.deepEqual(await limited.query('select 1 as one'), [{ one: 1 }]);
  await limited.close();
});

test('a statement that is given more time than its pool has it, and leaves it to no other', async () => {
  const limited = openDatabase(database.url, { maxConnections: 1, connectMs: patienceMs, statementMs: 300 });
  assert.equal((await withPatience(limited, patienceMs).query('select pg_sleep(0.6)')).length, 1);
  assert.deepEqual(await limited.query('show statement_timeout'), [{ statement_timeout: '300ms' }]);
  await limited.close();
});

test('a process has the limit it was opened with, a command has none', async () => {
  const config = configSchema.parse({ models: { chat: { serve: { kind: 'onnx' } } } });
  const environment = {
    ...{ databaseUrl: database.url, namespace: 'default', cacheDirectory: tmpdir() },
    logLevel: 'warn' as const,
    secret: () => undefined,
  };
  for (const [statementMs, limit] of [
    [30_000, '30s'],
    [undefined, '0'],
  ] as const) {
    const runtime = makeRuntime(config, '', environment, { statementMs });
    assert.deepEqual(await runtime.db.query('show statement_timeout'), [{ statement_timeout: limit }]);
    await runtime.close();
  }
});
