import { randomBytes } from 'node:crypto';
import { openDatabase, sqlState, type DatabasePool } from '../src/database.ts';
import { patienceMs, until } from './until.ts';

/** The migrated database that every test's own is a copy of. */
export const templateDatabase = 'relearn_template';

export interface TestDatabase {
  db: DatabasePool;
  url: string;
  /** Closes the pool and drops the database. */
  close(): Promise<void>;
}

/** A fresh, migrated database for one test or file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = fromRunner('RELEARN_TEST_POSTGRES');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await atServer(server, `create database ${name} template ${templateDatabase}`);
  const url = databaseUrl(server, name);
  const db = openDatabase(url, { connectMs: patienceMs });
  return {
    db,
    url,
    async close() {
      await db.close();
      await atServer(server, `drop database ${name} with (force)`);
    },
  };
}

/** host:port of the Temporal server that the tests share. Names of queues and workflows must be a test's own. */
export function temporalAddress(): string {
  return fromRunner('RELEARN_TEST_TEMPORAL');
}

/** The url of another database on the same server. */
export function databaseUrl(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

async function atServer(url: string, statement: string): Promise<void> {
  const db = openDatabase(url, { maxConnections: 1, connectMs: patienceMs });
  try {
    // Postgres waits five seconds for those who still use the database, and refuses then.
    await until(`Postgres has done: ${statement}`, () =>
      db.query(statement).then(
        () => true,
        (error: unknown) => {
          if (sqlState(error) !== '55006') throw error;
          return false;
        },
      ),
    );
  } finally {
    await db.close();
  }
}

function fromRunner(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new Error(`${name} is not set: run this file with \`npm test -- FILE\`, which starts Postgres and Temporal.`);
}
