import { Socket } from 'node:net';
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
  /**
   * The same database for whom must not wait: when Postgres says nothing for `answerMs` the connection is cut and the
   * statement fails with `database_unavailable`. It may have been done. In a transaction the limit it began with holds.
   */
  within(answerMs: number): Database;
}

export interface DatabasePool extends Database {
  close(): Promise<void>;
}

// Postgres keeps 64-bit integers as text; our counts stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** SQLSTATE classes that mean "not now": the caller may try again. */
const notNow = /^(08|53|57P0)/;
const keepAliveMs = 10_000;
const usualConnectMs = 5000;

export interface DatabaseOptions {
  maxConnections?: number | undefined;
  connectMs?: number | undefined;
  /** Postgres ends a statement that takes longer. Left out: none. */
  statementMs?: number | undefined;
}

/**
 * Connects lazily to `url`. The pool survives a database restart; a query meanwhile fails with `database_unavailable`.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): DatabasePool {
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: options.connectMs ?? usualConnectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    application_name: 'relearn',
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
    ...limitStatements(options),
  });
  // An idle connection that breaks is replaced by the pool; without a listener the process would end.
  pool.on('error', () => {});
  const transaction: Database['transaction'] = (work) => transact(pool, undefined, work);
  return {
    query: (sql, values) => run(pool, sql, values),
    copy: (sql, chunks) => transaction((tx) => tx.copy(sql, chunks)),
    transaction,
    within: (answerMs) => limit(pool, answerMs),
    async close() {
      await pool.end();
      // A Postgres that hangs answers no goodbye, which must not keep the process.
      for (const socket of sockets) socket.unref();
    },
  };
}

/** Not a parameter of the connection: poolers in front of Postgres refuse those they do not know. */
function limitStatements({ statementMs, connectMs = usualConnectMs }: DatabaseOptions): {
  onConnect?: (client: pg.ClientBase) => Promise<unknown>;
} {
  if (statementMs === undefined) return {};
  // The pool does not limit what is said first.
  const first: pg.QueryConfig & { query_timeout: number } = {
    text: `set statement_timeout = ${statementMs}`,
    query_timeout: connectMs,
  };
  return { onConnect: (client) => client.query(first) };
}

/** The database for statements that may take longer than others: each by itself, in a transaction with its own limit. */
export function withPatience(db: Database, statementMs: number): Database {
  return {
    ...db,
    query: (sql, values) =>
      db.transaction(async (tx) => {
        await tx.query(`set local statement_timeout = ${statementMs}`);
        return tx.query(sql, values);
      }),
  };
}

function limit(pool: pg.Pool, answerMs: number): Database {
  const transaction: Database['transaction'] = (work) => transact(pool, answerMs, work);
  return {
    query: (sql, values) => transaction((tx) => tx.query(sql, values)),
    copy: (sql, chunks) => transaction((tx) => tx.copy(sql, chunks)),
    transaction,
    within: (otherMs) => limit(pool, otherMs),
  };
}

async function transact<Result>(
  pool: pg.Pool,
  answerMs: number | undefined,
  work: (db: Database) => Promise<Result>,
): Promise<Result> {
  const client = await connect(pool);
  let broken = false;
  // A connection that breaks between two statements says so by an event; without a listener the process would end.
  const onError = (): void => {
    broken = true;
  };
  client.on('error', onError);
  try {
    const inside: Database = {
      query: (sql, values) => inTime(client, answerMs, () => run(client, sql, values)),
      copy: (sql, chunks) => inTime(client, answerMs, (heard) => feed(client, sql, heard(chunks))),
      transaction: (nested) => nested(inside),
      within: () => inside,
    };
    await inside.query(begin(answerMs));
    const result = await work(inside);
    await inside.query('commit');
    return result;
  } catch (error) {
    await inTime(client, answerMs, () => client.query('rollback')).catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/** Whatever Postgres says of a connection, such as SQLSTATE 28P01, it has refused no statement. */
async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw describeUnavailable(sqlState(error));
  }
}

/** What a cut connection leaves at the server ends by itself, so that no locks and no sessions pile up there. */
function begin(answerMs: number | undefined): string {
  if (answerMs === undefined) return 'begin';
  const seconds = Math.ceil(answerMs / 1000);
  return `begin; set local lock_timeout = ${answerMs}; set local idle_in_transaction_session_timeout = ${2 * answerMs};
    set local tcp_keepalives_idle = ${seconds}; set local tcp_keepalives_interval = ${seconds}`;
}

/** COPY lasts as long as its rows are taken: each chunk that goes through `heard` starts the time anew. */
async function inTime<Result>(
  client: pg.PoolClient,
  answerMs: number | undefined,
  work: (heard: (chunks: AsyncIterable<string>) => AsyncIterable<string>) => Promise<Result>,
): Promise<Result> {
  if (answerMs === undefined) return work((chunks) => chunks);
  const patience = { over: false };
  const timer = setTimeout(() => {
    patience.over = true;
    // With a statement under way `end` does not say goodbye, it cuts, and the statement fails.
    void client.end();
  }, answerMs);
  async function* heard(chunks: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const chunk of chunks) {
      timer.refresh();
      yield chunk;
    }
  }
  try {
    return await work(heard);
  } catch (error) {
    throw patience.over ? describeUnavailable('ETIMEDOUT') : error;
  } finally {
    clearTimeout(timer);
  }
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

function describeUnavailable(code: string): RelearnError {
  return new RelearnError(
    'database_unavailable',
    `Postgres does not answer (${code || 'connection lost'}). Is it running, and is DATABASE_URL right?`,
    { cause: { code } },
  );
}

/** Postgres puts bound values into `detail` and `where`; only the code and the name of the constraint go on. */
function describeDatabaseError(error: unknown): RelearnError {
  const code = sqlState(error);
  const answered = error instanceof pg.DatabaseError;
  // What is neither an answer nor ours, as a value that cannot be sent, is the network's, the resolver's or TLS's.
  const ours = error instanceof TypeError || error instanceof RangeError;
  if (answered ? notNow.test(code) : !ours) return describeUnavailable(code);
  const constraint = answered && error.constraint !== undefined ? `, constraint ${error.constraint}` : '';
  const slow = code === '57014' ? ' It took too long: ask for less, or look what holds Postgres up.' : '';
  const missing = ['42P01', '42703', '3F000'].includes(code) ? ' Run `relearn migrate` first.' : '';
  return new RelearnError(
    'database_error',
    `A statement failed in Postgres (${code || 'no code'}${constraint}).${slow}${missing}`,
    { cause: { code } },
  );
}
