import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openDatabase } from '../../src/database.ts';
import { errorMessage, RelearnError } from '../../src/errors.ts';
import { writeOnce } from '../hash-key.ts';
import { choosePort } from '../ports.ts';
import { lastLines, startProcess } from './process.ts';
import type { ManagedProcess } from './process.ts';
import { postgresAccount, postgresPrograms, runAs } from './postgres-files.ts';
import type { PostgresAccount } from './postgres-files.ts';
import { endFormerPostgres } from './former-postgres.ts';

const run = promisify(execFile);
const host = '127.0.0.1';

export interface EmbeddedPostgres {
  /** Of the database `relearn`; the user is a superuser. */
  url: string;
  process: ManagedProcess;
}

export interface EmbeddedPostgresOptions {
  /** Holds data, password and log; survives restarts. */
  directory: string;
  /** A free one when left out. */
  port?: number;
  /** For tests: does not wait for the disk, and may lose data when the machine stops. */
  unsafe?: boolean;
}

/** Starts Postgres on 127.0.0.1, with its data in `directory`. Throws `port_taken` or `stack_failed`. */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const logFile = join(directory, 'postgres.log');
  const data = join(directory, 'data');
  await mkdir(directory, { recursive: true });
  const programs = postgresPrograms();
  const account = await postgresAccount();
  const password = await ownPassword(join(directory, 'password'));
  await endFormerPostgres(data);
  try {
    if (!existsSync(data)) await initialise(programs.initdb, data, password, account);
    // After what takes a second: a free port may be another's by then.
    const port = await choosePort(options.port, { host, what: 'the embedded Postgres', setting: '--postgres-port' });
    const args = ['-D', data, '-p', `${port}`, ...settings(options.unsafe ?? false)];
    const postgres = await startProcess({
      ...runAs(account, directory, programs.postgres, args),
      logFile,
      // SIGINT is Postgres' fast shutdown: it ends sessions and writes a checkpoint. SIGTERM would wait for clients.
      stopSignal: 'SIGINT',
      stopWithinMs: 20_000,
    });
    const server = `postgres://relearn:${password}@${host}:${port}`;
    await createDatabaseOnceReady(`${server}/postgres`, postgres);
    return { url: `${server}/relearn`, process: postgres };
  } catch (error) {
    if (error instanceof RelearnError && error.code === 'port_taken') throw error;
    throw new RelearnError(
      'stack_failed',
      `The embedded Postgres did not start: ${errorMessage(error)}. Set DATABASE_URL to use one of your own. ` +
        `Its log, ${logFile}, ends:\n${lastLines(logFile)}`,
      { cause: error },
    );
  }
}

/** Makes the data folder under another name first, so that a run killed half-way leaves none that looks whole. */
async function initialise(
  initdb: string,
  data: string,
  password: string,
  account: PostgresAccount | undefined,
): Promise<void> {
  const partial = `${data}.partial`;
  const passwordFile = join(partial, 'password');
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  const target = join(partial, 'data');
  const args = ['-D', target, '--username=relearn', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8'];
  if (account !== undefined) {
    await Promise.all([partial, passwordFile].map((path) => chown(path, account.uid, account.gid)));
  }
  const { command, args: all, user } = runAs(account, dirname(data), initdb, [...args, ...locale, '--no-sync']);
  await run(command, all, { ...user });
  await rename(target, data);
  await rm(partial, { recursive: true });
}

function settings(unsafe: boolean): string[] {
  const values = [
    `listen_addresses=${host}`,
    'unix_socket_directories=',
    'max_connections=200',
    // The detail of an error holds the row it is about; only message and code are logged.
    'log_error_verbosity=terse',
    'log_min_error_statement=panic',
    ...(unsafe ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
  ];
  return values.flatMap((value) => ['-c', value]);
}

/** Read by us only, so that another account of the machine does not get into the database. */
async function ownPassword(file: string): Promise<string> {
  await writeOnce(file, randomBytes(18).toString('hex'));
  return readFile(file, 'utf8');
}

async function createDatabaseOnceReady(url: string, postgres: ManagedProcess): Promise<void> {
  const db = openDatabase(url, { maxConnections: 1 });
  const deadline = Date.now() + 60_000;
  try {
    while (postgres.running()) {
      try {
        const found = await db.query(`select 1 from pg_database where datname = 'relearn'`);
        if (found.length === 0) await db.query('create database relearn');
        return;
      } catch (error) {
        const notYet = error instanceof RelearnError && error.code === 'database_unavailable';
        if (!notYet || Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
    throw new Error(`it ${await postgres.exited}`);
  } catch (error) {
    await postgres.stop();
    throw error;
  } finally {
    await db.close();
  }
}
