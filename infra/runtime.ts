import { Connection, type Client } from '@temporalio/client';
import type { Config } from '../src/config.ts';
import type { DatabasePool } from '../src/database.ts';
import { openDatabase } from '../src/database.ts';
import { errorMessage, RelearnError } from '../src/errors.ts';
import { useRedaction } from '../src/log/redact/index.ts';
import { defaultConfigPath, readConfigFile } from './config-file.ts';
import { makeClient } from './data-converter.ts';
import type { Environment, TemporalConnection } from './environment.ts';
import { readEnvironment } from './environment.ts';
import { readHashKey } from './hash-key.ts';
import type { StackFile } from './stack-file.ts';
import { readStackFile } from './stack-file.ts';

/** What every process and command starts from. */
export interface Runtime {
  config: Config;
  /** Path of the file it came from. */
  configPath: string;
  /** The environment, completed with what runs in the state folder. */
  environment: Environment & { databaseUrl: string };
  db: DatabasePool;
  /** The running `relearn up`, when that is what serves here. */
  stack?: StackFile;
  /** The secret user ids are hashed with. Throws `invalid_config`. */
  hashKey(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Reads configuration and environment and opens the database. What the environment does not name is the `relearn up`
 * that runs in the state folder. `statementMs` is the database's. Throws `invalid_config` or `database_unavailable`, which say what to do.
 */
export async function openRuntime(
  options: { config?: string | undefined; statementMs?: number | undefined } = {},
): Promise<Runtime> {
  const own = readEnvironment();
  const configPath = options.config ?? own.configPath ?? defaultConfigPath;
  const config = await readConfigFile(configPath);
  const stack = await readStackFile(config.stateDir);
  const environment = stack === undefined ? own : completeEnvironment(own, stack);
  if (environment.databaseUrl === undefined) {
    throw new RelearnError(
      'database_unavailable',
      `Nothing runs in ${config.stateDir}. Start it with \`relearn up\`, or set DATABASE_URL to a Postgres of your own.`,
    );
  }
  const { databaseUrl } = environment;
  return makeRuntime(config, configPath, { ...environment, databaseUrl }, { stack, statementMs: options.statementMs });
}

/** A runtime of parts that are known already. What this process stores from now on is redacted as configured. */
export function makeRuntime(
  config: Config,
  configPath: string,
  environment: Environment & { databaseUrl: string },
  { stack, statementMs }: { stack?: StackFile | undefined; statementMs?: number | undefined } = {},
): Runtime {
  useRedaction(config.log.redaction);
  const db = openDatabase(environment.databaseUrl, { statementMs });
  return {
    ...{ config, configPath, environment, db },
    ...(stack === undefined ? {} : { stack }),
    hashKey: () => readHashKey(config, environment),
    close: () => db.close(),
  };
}

function completeEnvironment(own: Environment, stack: StackFile): Environment {
  const temporal = own.temporal === undefined;
  const temporalUi = own.temporalUi ?? (temporal ? stack.urls.temporalUi : undefined);
  return {
    ...own,
    ...(temporalUi === undefined ? {} : { temporalUi }),
    databaseUrl: own.databaseUrl ?? stack.urls.database,
    temporal: own.temporal ?? { address: stack.urls.temporal },
    namespace: temporal ? stack.namespace : own.namespace,
  };
}

export interface TemporalSession {
  client: Client;
  /** Of the client; to be closed. */
  connection: Connection;
}

/** A Temporal client and its connection. Throws `temporal_unavailable`. */
export async function connectTemporal(
  environment: Pick<Environment, 'temporal' | 'namespace' | 'payloadKeys'>,
): Promise<TemporalSession> {
  const temporal = requireTemporal(environment);
  try {
    const connection = await Connection.connect(temporal);
    return { connection, client: makeClient(connection, environment) };
  } catch (error) {
    throw new RelearnError(
      'temporal_unavailable',
      `Temporal at ${temporal.address ?? 'its default address'} does not answer: ${errorMessage(error)}. ` +
        'Is it running, and is TEMPORAL_ADDRESS right?',
      { cause: error },
    );
  }
}

/** Throws `temporal_unavailable` when no server is known. */
export function requireTemporal({ temporal }: Pick<Environment, 'temporal'>): TemporalConnection {
  if (temporal !== undefined) return temporal;
  throw new RelearnError(
    'temporal_unavailable',
    'No Temporal server is known. Start one with `relearn up`, or set TEMPORAL_ADDRESS to a server of your own.',
  );
}
