import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { readPayloadKeys, type PayloadKey } from '../src/payload/keys.ts';

/** How to reach a Temporal server: address, TLS, API key, headers. */
export type TemporalConnection = ReturnType<typeof loadClientConnectConfig>['connectionOptions'];

/** What the environment sets. The only place that reads it. */
export interface Environment {
  /** DATABASE_URL: a Postgres of the user's own. */
  databaseUrl?: string;
  /** Set by TEMPORAL_ADDRESS and its kin (or a Temporal profile): a server of the user's own. */
  temporal?: TemporalConnection;
  /** TEMPORAL_NAMESPACE. */
  namespace: string;
  /** TEMPORAL_UI_URL: where people see workflows; the console links there. */
  temporalUi?: string;
  /** RELEARN_CONFIG: path of relearn.yaml. */
  configPath?: string;
  /** RELEARN_LOG_LEVEL. */
  logLevel: LogLevel;
  /** What was built or fetched once for all checkouts: XDG_CACHE_HOME or ~/.cache. */
  cacheDirectory: string;
  /** RELEARN_PAYLOAD_KEYS: what payloads in Temporal are encrypted with. */
  payloadKeys?: readonly PayloadKey[];
  /** RELEARN_CONSOLE_URL: where `relearn up` serves the console, told to its processes. */
  consoleUrl?: string;
  /** A secret that the configuration names. '' counts as unset. */
  secret: (name: string) => string | undefined;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Reads the environment once, at start. Throws `invalid_config` for a value nobody can mean. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const get = (name: string) => env[name] || undefined;
  const databaseUrl = get('DATABASE_URL');
  const configPath = get('RELEARN_CONFIG');
  const temporalUi = readUrl('TEMPORAL_UI_URL', get('TEMPORAL_UI_URL'));
  const { connectionOptions, namespace } = readTemporal(env);
  const consoleUrl = get('RELEARN_CONSOLE_URL');
  return {
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(connectionOptions.address === undefined ? {} : { temporal: connectionOptions }),
    namespace: namespace ?? 'default',
    ...(temporalUi === undefined ? {} : { temporalUi }),
    ...(configPath === undefined ? {} : { configPath }),
    logLevel: readLogLevel(get('RELEARN_LOG_LEVEL')),
    payloadKeys: readPayloadKeys(get('RELEARN_PAYLOAD_KEYS')),
    ...(consoleUrl === undefined ? {} : { consoleUrl }),
    cacheDirectory: join(get('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'relearn'),
    secret: get,
  };
}

function readTemporal(env: NodeJS.ProcessEnv): ReturnType<typeof loadClientConnectConfig> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  try {
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(set) });
  } catch (error) {
    throw new RelearnError('invalid_config', 'The TEMPORAL_* settings of the environment cannot be read.', {
      cause: error,
    });
  }
}

function readUrl(name: string, value: string | undefined): string | undefined {
  if (value === undefined || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))) return value;
  throw new RelearnError(
    'invalid_config',
    `${name} is ${value}; wanted an address such as https://temporal.example.com.`,
  );
}

function readLogLevel(value = 'info'): LogLevel {
  const level = logLevels.find((known) => known === value);
  if (level !== undefined) return level;
  throw new RelearnError('invalid_config', `RELEARN_LOG_LEVEL is ${value}; wanted one of ${logLevels.join(', ')}.`);
}

/**
 * The environment for a program we start: ours, changed by `changes`. One that is to use the embedded Temporal server
 * must not see settings of another, such as an API key.
 */
export function childEnvironment(
  changes: Record<string, string>,
  options: { withoutTemporal?: boolean } = {},
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !(options.withoutTemporal === true && name.startsWith('TEMPORAL_')),
  );
  return { ...Object.fromEntries(inherited), ...changes };
}

/** The environment for a trainer's program: without what opens Relearn's own database, certificates and cluster. */
export function trainerEnvironment({ log, certificates }: Pick<Config, 'log' | 'certificates'>): NodeJS.ProcessEnv {
  const relearn = ['DATABASE_URL', 'TEMPORAL_API_KEY', 'RELEARN_PAYLOAD_KEYS'];
  const own = new Set([...relearn, log.hashKeyEnv, certificates.signingKeyEnv]);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.has(name)));
}
