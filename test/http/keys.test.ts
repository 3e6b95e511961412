import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { followKeys, type Keys } from '../../src/http/keys-follow.ts';
import { createKey, listKeys, revokeKey, splitKey, type Scope } from '../../src/http/keys.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { memoryLogger } from './fixtures.ts';
import { patienceMs } from '../until.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
beforeEach(() => database.db.query('truncate relearn.keys, relearn.audit cascade'));
after(() => database.close());

async function makeKey(scopes: Scope[] = ['infer'], expiresAt: Date | null = null): Promise<string> {
  const { key } = await createKey(database.db, { name: 'app', scopes, expiresAt, actor: 'ann' });
  return key;
}
const idOf = (key: string) => splitKey(key)?.id ?? '';
const check = async (keys: Keys, key: string | undefined) =>
  keys.check(key === undefined ? undefined : `Bearer ${key}`);
const follow = (more: { db?: TestDatabase['db']; now?: () => number; pollMs?: number } = {}) =>
  followKeys({ db: database.db, logger: memoryLogger().logger, maxAgeMs: 60_000, patienceMs, pollMs: 20, ...more });

/** Waits until a key is refused, which it is after the next look. */
async function untilRefused(keys: Keys, key: string, code: string): Promise<void> {
  for (;;) {
    try {
      await check(keys, key);
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, code);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a key is stored as the hash of its secret, and who made and ended it is noted', async () => {
  const key = await makeKey(['infer', 'feedback'], new Date('2100-01-01'));
  assert.match(key, /^rl_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
  const [stored] = await database.db.query<{ row: string }>('select k::text as row from relearn.keys k');
  assert.ok(stored !== undefined && !stored.row.includes(splitKey(key)?.secret ?? ''));
  const ended = await revokeKey(database.db, { id: idOf(key), actor: 'bob' });
  assert.ok(ended.revokedAt !== null);
  assert.deepEqual(await revokeKey(database.db, { id: idOf(key), actor: 'eve' }), ended);
  assert.deepEqual(await listKeys(database.db), [ended]);
  const audit = await database.db.query<object>(
    'select actor, action, subject, details from relearn.audit order by id',
  );
  const details = { name: 'app', scopes: ['infer', 'feedback'], expires_at: '2100-01-01T00:00:00+00:00' };
  assert.deepEqual(audit, [
    { actor: 'ann', action: 'create_key', subject: idOf(key), details },
    { actor: 'bob', action: 'revoke_key', subject: idOf(key), details: { name: 'app' } },
  ]);
  await assert.rejects(revokeKey(database.db, { id: 'none', actor: 'ann' }), { code: 'key_not_found' });
});

test('a new key works at once, and everything but that key is refused', async () => {
  const keys = await follow({ pollMs: 3_600_000 });
  const key = await makeKey();
  assert.equal((await check(keys, key)).id, idOf(key));
  const other = await makeKey();
  const swapped = `rl_${idOf(key)}_${splitKey(other)?.secret ?? ''}`;
  for (const wrong of [
    undefined,
    '',
    'sk-test',
    key.slice(0, -1),
    `${key}A`,
    swapped,
    `rl_${'0'.repeat(16)}_${'A'.repeat(43)}`,
  ]) {
    await assert.rejects(check(keys, wrong), { code: 'invalid_api_key' });
  }
  await keys.close();
});

test('a revoked key ends on every server without being told', async () => {
  const key = await makeKey();
  const servers = await Promise.all([follow(), follow()]);
  for (const keys of servers) assert.equal((await check(keys, key)).id, idOf(key));
  await revokeKey(database.db, { id: idOf(key), actor: 'ann' });
  for (const keys of servers) await untilRefused(keys, key, 'invalid_api_key');
  for (const keys of servers) await keys.close();
});

test('a key ends at its time, whether or not the database is asked', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const key = await makeKey(['infer'], expiresAt);
  let at = Date.now();
  const keys = await followKeys({
    ...{ db: database.db, logger: memoryLogger().logger, maxAgeMs: 2 * 3_600_000, pollMs: 3_600_000, now: () => at },
  });
  assert.equal((await check(keys, key)).id, idOf(key));
  at = expiresAt.getTime();
  await assert.rejects(check(keys, key), { code: 'invalid_api_key' });
  await keys.close();
});

test('while the database is away, known keys work for a bounded time and unknown ones are not judged', async () => {
  const [key, unseen] = [await makeKey(), `rl_${'1'.repeat(16)}_${'B'.repeat(43)}`];
  let away = false;
  let at = Date.now();
  const db = {
    ...database.db,
    query: async <Row extends object>(sql: string, values?: readonly unknown[]) => {
      if (away) await database.db.query(`select pg_terminate_backend(pg_backend_pid())`);
      return database.db.query<Row>(sql, values);
    },
  };
  const keys = await follow({ db, now: () => at });
  away = true;
  await untilRefused(keys, unseen, 'keys_unavailable');
  assert.equal((await check(keys, key)).id, idOf(key));
  at += 60_001;
  await assert.rejects(check(keys, key), { code: 'keys_unavailable' });
  away = false;
  while (
    !(await check(keys, key).then(
      () => true,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 5));
  await keys.close();
});

test('a cache that may not outlast the database still serves between two looks', async () => {
  const key = await makeKey();
  let at = Date.now();
  const keys = await followKeys({
    ...{ db: database.db, logger: memoryLogger().logger, maxAgeMs: 0, pollMs: 3_600_000, now: () => at },
  });
  at += 3_600_000;
  assert.equal((await check(keys, key)).id, idOf(key));
  await keys.close();
});

test('a flood of made-up keys asks the database a few times only', async () => {
  let asked = 0;
  const db = {
    ...database.db,
    query: async <Row extends object>(sql: string, values?: readonly unknown[]) => {
      asked += 1;
      return database.db.query<Row>(sql, values);
    },
  };
  const keys = await follow({ db, pollMs: 3_600_000 });
  const flood = Array.from({ length: 500 }, (_, n) => `rl_${n.toString(16).padStart(16, '0')}_${'C'.repeat(43)}`);
  const outcomes = await Promise.allSettled(flood.map((key) => check(keys, key)));
  assert.ok(outcomes.every(({ status }) => status === 'rejected'));
  assert.equal(asked, 2, 'once at the start and once for all of them');
  await keys.close();
});
