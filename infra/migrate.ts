import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Database, DatabasePool } from '../src/database.ts';
import { sqlState } from '../src/database.ts';
import { RelearnError } from '../src/errors.ts';

const shipped = fileURLToPath(new URL('../../infra/migrations/', import.meta.url));

interface Migration {
  name: string;
  sql: string;
  sha256: string;
}

/**
 * Brings the database to the schema of this release: applies `NNNN_name.sql` in order, forward-only, each in one
 * transaction with its row in `relearn.migrations`. Any number of processes may call it at once.
 * Returns the names it applied itself. Throws `migration_failed`, which names the file.
 */
export async function migrate(db: DatabasePool, directory: string = shipped): Promise<string[]> {
  const migrations = await readMigrations(directory);
  await createMigrationsTable(db);
  const applied = await appliedMigrations(db);
  const done: string[] = [];
  for (const migration of migrations) {
    const sha256 = applied.get(migration.name);
    if (sha256 !== undefined && sha256 !== migration.sha256) {
      throw new RelearnError(
        'migration_failed',
        `${migration.name} was changed after it was applied to this database. Migrations go forward only: ` +
          'restore the file and put the change into a new one.',
      );
    }
    if (sha256 === undefined && (await applyMigration(db, migration))) done.push(migration.name);
  }
  return done;
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  const misnamed = names.find((name) => !/^\d{4}_[a-z0-9_]+\.sql$/.test(name));
  if (misnamed !== undefined) {
    throw new RelearnError('migration_failed', `${misnamed}: wanted a name such as 0001_log.sql.`);
  }
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(`${directory}/${name}`, 'utf8');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** `create ... if not exists` fails when two sessions run it at the same moment; the lock makes them take turns. */
async function createMigrationsTable(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('relearn.migrations'))`);
    await tx.query(`
      create schema if not exists relearn;
      create table if not exists relearn.migrations (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default now()
      )`);
  });
}

async function appliedMigrations(db: Database): Promise<Map<string, string>> {
  const rows = await db.query<{ name: string; sha256: string }>('select name, sha256 from relearn.migrations');
  return new Map(rows.map(({ name, sha256 }) => [name, sha256]));
}

/** False when another process has applied it: its row is there first, and we waited for its commit. */
async function applyMigration(db: Database, { name, sql, sha256 }: Migration): Promise<boolean> {
  try {
    return await db.transaction(async (tx) => {
      const claimed = await tx.query(
        'insert into relearn.migrations (name, sha256) values ($1, $2) on conflict do nothing returning name',
        [name, sha256],
      );
      if (claimed.length === 0) return false;
      await tx.query(sql);
      return true;
    });
  } catch (error) {
    throw new RelearnError(
      'migration_failed',
      `${name} failed in Postgres (${sqlState(error) || 'connection lost'}). Nothing of it was kept; ` +
        'run `relearn migrate` again once the cause is gone.',
      { cause: error },
    );
  }
}
