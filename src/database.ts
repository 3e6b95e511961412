import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { RelearnError } from './errors.ts';

/** What a query function needs: the pool, or the one connection of a transaction. */
export interface Database {
  /** Runs one statement and returns its rows. Throws `RelearnError` without the bound values. */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Feeds a `copy ... from stdin` with its text. In a pool it is a transaction of its own. */
  copy(sql: string, chunks: AsyncIterable<string>): Promise<void>;
  /** Runs `work` in one transaction; rolls back when it throws. */
  transaction<Result>(work: (db: Database) => Promise<Result>): Promise<Result>;
}

export interface DatabasePool extends Database {
  close(): Promise<void>;
}

// Postgres keeps 64-bit integers as text; our counts stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** SQLSTATE classes and system errors that mean "not now": the caller may try again. */
const unavailable = /^(08|53|57P0|ECONN|ENOTFOUND|ETIMEDOUT|EPIPE|EHOSTUNREACH)/;

/**
 * Connects lazily to `url`. The pool survives a database restart; a query meanwhile fails with `database_unavailable`.
 */
export function openDatabase(url: string, options: { maxConnections?: number; connectMs?: number } = {}): DatabasePool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: options.connectMs ?? 5000,
    application_name: 'relearn',
  });
  // An idle connection that breaks is replaced by the pool; without a listener the process would end.
  pool.on('error', () => {});
  const database: DatabasePool = {
    query: (sql, values) => run(pool, sql, values),
    copy: (sql, chunks) => database.transaction((tx) => tx.copy(sql, chunks)),
    transaction: async (work) => {
      const client = await pool.connect().catch((error: unknown) => {
        throw describeDatabaseError(error);
      });
      let broken = false;
      // A connection that breaks between two statements says so by an event; without a listener the process would end.
      const onError = (): void => {
        broken = true;
      };
      client.on('error', onError);
      try {
        await run(client, 'begin');
        const inside: Database = {
          query: (sql, values) => run(client, sql, values),
          copy: (sql, chunks) => feed(client, sql, chunks),
          transaction: (nested) => nested(inside),
        };
        const result = await work(inside);
        await run(client, 'commit');
        return result;
      } catch (error) {
        await client.query('rollback').catch(() => {
          broken = true;
        });
        throw error;
      } finally {
        client.off('error', onError);
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
  return database;
}

async function feed(client: pg.PoolClient, sql: string, chunks: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(chunks, { highWaterMark: 4 }), client.query(copyFrom(sql)));
  } catch (error) {
    throw describeDatabaseError(error);
  }
}

async function run<Row extends object>(
  target: pg.Pool | pg.PoolClient,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  try {
    const result = await target.query<Row>(sql, [...values]);
    return result.rows;
  } catch (error) {
    throw describeDatabaseError(error);
  }
}

/** The SQLSTATE of a failed statement, or of the failure behind a `RelearnError`; '' when there is none. */
export function sqlState(error: unknown): string {
  if (error instanceof RelearnError) return sqlState(error.cause);
  if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code);
  return '';
}

/** Postgres puts bound values into `detail` and `where`; only the code and the name of the constraint go on. */
function describeDatabaseError(error: unknown): RelearnError {
  const code = sqlState(error);
  const text = error instanceof Error ? error.message : '';
  const cause = { code };
  if (unavailable.test(code) || /timeout exceeded|terminated|Connection ended|not queryable/i.test(text)) {
    return new RelearnError(
      'database_unavailable',
      `Postgres does not answer (${code || 'connection lost'}). Is it running, and is DATABASE_URL right?`,
      { cause },
    );
  }
  const constraint =
    error instanceof pg.DatabaseError && error.constraint !== undefined ? `, constraint ${error.constraint}` : '';
  const missing = code === '42P01' || code === '3F000' ? ' Run `relearn migrate` first.' : '';
  return new RelearnError(
    'database_error',
    `A statement failed in Postgres (${code || 'no code'}${constraint}).${missing}`,
    {
      cause,
    },
  );
}
