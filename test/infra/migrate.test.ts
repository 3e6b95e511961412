import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { migrate } from '../../infra/migrate.ts';
import { openDatabase } from '../../src/database.ts';
import type { DatabasePool } from '../../src/database.ts';
import { createTestDatabase } from '../stack.ts';

const home = await createTestDatabase();
const made: (() => Promise<void>)[] = [];
after(async () => {
  await Promise.all(made.map((remove) => remove()));
  await home.close();
});

/** A database without the schema. */
async function emptyDatabase(connections: number): Promise<DatabasePool[]> {
  const name = `empty_${randomBytes(6).toString('hex')}`;
  await home.db.query(`create database ${name}`);
  const url = new URL(home.url);
  url.pathname = `/${name}`;
  const pools = Array.from({ length: connections }, () => openDatabase(url.href));
  made.push(async () => {
    await Promise.all(pools.map((pool) => pool.close()));
    await home.db.query(`drop database ${name} with (force)`);
  });
  return pools;
}

async function migrations(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-migrations-'));
  made.push(() => rm(directory, { recursive: true }));
  await Promise.all(Object.entries(files).map(([name, sql]) => writeFile(join(directory, name), sql)));
  return directory;
}

test('four processes that migrate at once apply every migration exactly once', async () => {
  const pools = await emptyDatabase(4);
  const done = await Promise.all(pools.map((pool) => migrate(pool)));
  const shipped = (await readdir('infra/migrations')).sort();
  assert.deepEqual(done.flat().sort(), shipped);
  const rows = await pools[0]?.query<{ name: string }>('select name from relearn.migrations order by name');
  assert.deepEqual(
    rows?.map(({ name }) => name),
    shipped,
  );
});

test('text typed before the upgrade is looked for in every incident that was open then', async () => {
  const [db] = await emptyDatabase(1);
  assert.ok(db);
  const earlier: Record<string, string> = {};
  for (const name of (await readdir('infra/migrations')).sort()) {
    if (name.endsWith('_typed_corrections.sql')) break;
    earlier[name] = await readFile(join('infra/migrations', name), 'utf8');
  }
  await migrate(db, await migrations(earlier));
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state, closed_at)
     select id, 'm', 'v1', 'by-hand', now() - began, now(), 'closed', now() - ended
     from (values ('before', interval '9 days', interval '8 days'), ('then', '6 days', '4 days'), ('later', '2 days', '1 day'))
       as incident (id, began, ended)`,
  );
  await db.query(
    `insert into relearn.corrections (id, request_id, model, completion, operator, source, equals_response, created_at)
     select source, 'r-' || source, 'm', 'label', 'ann', source, false, now() - interval '5 days'
     from unnest(array['signal', 'update', 'api']) source`,
  );
  await migrate(db);
  assert.deepEqual(
    await db.query(`select request_sha256 as id, workflow_id as at from relearn.typed_corrections order by 2, 1`),
    [
      { id: hash('r-signal'), at: 'drift-response/m/then' },
      { id: hash('r-update'), at: 'drift-response/m/then' },
    ].sort((one, other) => (one.id < other.id ? -1 : 1)),
  );
});

test('a second run applies nothing', async () => {
  assert.deepEqual(await migrate(home.db), []);
});

test('a failing migration names its file, keeps nothing of it and what came before', async () => {
  const [db] = await emptyDatabase(1);
  assert.ok(db);
  const directory = await migrations({
    '0001_first.sql': 'create table relearn.first (id int)',
    '0002_broken.sql': 'create table relearn.second (id int); select no_such_function()',
  });
  await assert.rejects(migrate(db, directory), { code: 'migration_failed', message: /0002_broken\.sql.*42883/ });
  const rows = await db.query('select table_name from information_schema.tables where table_schema = $1 order by 1', [
    'relearn',
  ]);
  assert.deepEqual(rows, [{ table_name: 'first' }, { table_name: 'migrations' }]);
});

test('a migration that was changed after it was applied stops the next one', async () => {
  const [db] = await emptyDatabase(1);
  assert.ok(db);
  await migrate(db, await migrations({ '0001_first.sql': 'create table relearn.first (id int)' }));
  const edited = await migrations({ '0001_first.sql': 'create table relearn.first (id bigint)', '0002_next.sql': '' });
  await assert.rejects(migrate(db, edited), { code: 'migration_failed', message: /0001_first\.sql was changed/ });
});

test('a file without a number is refused', async () => {
  await assert.rejects(migrate(home.db, await migrations({ 'later.sql': '' })), {
    message: /later\.sql: wanted a name/,
  });
});

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
