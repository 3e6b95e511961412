import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import type { StackEvent } from './child.ts';
import { deployIncumbentUpstreams } from './deploy.ts';
import type { Environment } from './environment.ts';
import { migrate } from './migrate.ts';
import { connectTemporal, makeRuntime } from './runtime.ts';
import { reconcileSchedules } from './schedules.ts';
import { registerSearchAttributes, setRetention } from './search-attributes.ts';
import { requireServerKeys } from './server-keys.ts';

export interface PrepareOptions {
  config: Config;
  configPath: string;
  environment: Environment & { databaseUrl: string };
  /** Whether the Temporal server is ours, so that its settings are ours to make. */
  embedded: boolean;
  onEvent: (event: StackEvent) => void;
}

const retentionDays = 30;

/**
 * Makes database and Temporal ready for this release and configuration: schema, incumbents, search attributes and
 * schedules. May run again at any time. Without a known Temporal server only the database is prepared, and it is said.
 * Throws `keys_required`.
 */
export async function prepareBackends(options: PrepareOptions): Promise<void> {
  const tell = (message: string) => options.onEvent({ level: 'info', source: 'relearn', message });
  const temporal =
    options.environment.temporal === undefined
      ? tell('no Temporal server is known: set TEMPORAL_ADDRESS and run this again for schedules and search attributes')
      : prepareTemporal(options, tell);
  await Promise.all([prepareDatabase(options, tell), temporal]);
}

async function prepareDatabase(options: PrepareOptions, tell: (message: string) => void): Promise<void> {
  const runtime = makeRuntime(options.config, options.configPath, options.environment);
  try {
    const applied = await migrate(runtime.db);
    if (applied.length > 0) tell(`applied ${applied.join(', ')}`);
    await Promise.all([requireServerKeys('gateway', runtime), requireServerKeys('console', runtime)]);
    for (const message of await deployIncumbentUpstreams(runtime)) tell(message);
  } finally {
    await runtime.close();
  }
}

async function prepareTemporal(options: PrepareOptions, tell: (message: string) => void): Promise<void> {
  const { config, environment, embedded } = options;
  const { client, connection } = await connectTemporal(environment);
  try {
    if (embedded) await setRetention(connection, environment.namespace, retentionDays);
    await registerSearchAttributes(connection, environment.namespace);
    const done = await patiently(() => reconcileSchedules(client, config, environment.payloadKeys), tell);
    for (const [verb, ids] of Object.entries(done)) {
      for (const id of ids) tell(`schedule ${id} ${verb}`);
    }
  } finally {
    await connection.close();
  }
}

const patienceMs = 120_000;
/** gRPC's codes of what another attempt may change: deadline, resources, aborted, internal, unavailable. */
const passing: readonly number[] = [4, 8, 10, 13, 14];

/**
 * A server that has just started may take longer to know its schedules than its client waits: what it stopped in the middle
 * of has to time out first. Throws `temporal_unavailable` after two minutes.
 */
export async function patiently<Result>(work: () => Promise<Result>, tell: (message: string) => void): Promise<Result> {
  for (const deadline = Date.now() + patienceMs; ; await sleep(1000)) {
    try {
      return await work();
    } catch (error) {
      const cause = error instanceof ServiceError && isGrpcServiceError(error.cause) ? error.cause : undefined;
      if (cause === undefined || !passing.includes(cause.code)) throw error;
      const message = `Temporal does not tell its schedules (${cause.details})`;
      if (Date.now() > deadline) {
        throw new RelearnError('temporal_unavailable', `${message}. Look into its log, and try again.`, { cause });
      }
      tell(`${message}; trying again`);
    }
  }
}
