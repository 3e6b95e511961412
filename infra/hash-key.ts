import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import type { Environment } from './environment.ts';

/**
 * The secret that user ids are hashed with: from the environment variable that the configuration names, else from the
 * state folder. Throws `invalid_config` when neither has it.
 */
export async function readHashKey(config: Config, environment: Environment): Promise<string> {
  const { hashKeyEnv } = config.log;
  const key = environment.secret(hashKeyEnv) ?? (await readFile(keyFile(config), 'utf8').catch(() => undefined));
  if (key === undefined) {
    throw new RelearnError(
      'invalid_config',
      `${hashKeyEnv} is not set. It holds the secret that user ids are hashed with: any 16 characters or more, the ` +
        'same for every process. (`relearn up` makes one in its state folder.)',
    );
  }
  if (key.length >= 16) return key;
  throw new RelearnError('invalid_config', `${hashKeyEnv} is too short: wanted 16 characters or more.`);
}

/** As `readHashKey`, but makes one where there is none. It lives as long as the hashes: a new key, new hashes. */
export async function readOrMakeHashKey(config: Config, environment: Environment): Promise<string> {
  if (environment.secret(config.log.hashKeyEnv) === undefined) {
    await mkdir(config.stateDir, { recursive: true });
    await writeOnce(keyFile(config), randomBytes(32).toString('hex'));
  }
  return readHashKey(config, environment);
}

const keyFile = (config: Config) => join(config.stateDir, 'hash-key');

/** A secret of ours that is made once, whole or not at all, and readable by its owner only. */
export async function writeOnce(file: string, secret: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, secret, { mode: 0o600 });
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
