import { join } from 'node:path';
import getPort from 'get-port';
import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import type { ManagedProcess } from './embedded/process.ts';
import { startPostgres } from './embedded/postgres.ts';
import { startTemporal } from './embedded/temporal.ts';
import type { Environment } from './environment.ts';
import type { StackEvent } from './child.ts';
import { supervise } from './supervisor.ts';
import type { Supervised } from './supervisor.ts';

/** Ports of what is embedded. What is left out gets the usual port when that is free, else any. */
export interface BackendPorts {
  postgres?: number;
  temporal?: number;
  temporalUi?: number;
}

export interface Backends {
  /** With the addresses of what was started. */
  environment: Environment & { databaseUrl: string };
  temporalUi?: string;
  /** What was started, by name. */
  processes: Record<string, Supervised>;
}

export interface BackendOptions {
  config: Config;
  environment: Environment;
  ports: BackendPorts | 'free';
  /** Where the embedded Temporal UI has payloads decrypted. */
  codecEndpoint?: string | undefined;
  onEvent: (event: StackEvent) => void;
}

/** Starts Postgres and Temporal, each unless the environment names one. Leaves nothing running when it fails. */
export async function startBackends(options: BackendOptions): Promise<Backends> {
  const { environment } = options;
  const [postgres, temporal] = await Promise.allSettled([
    environment.databaseUrl === undefined ? embeddedPostgres(options) : undefined,
    environment.temporal === undefined ? embeddedTemporal(options) : undefined,
  ]);
  if (postgres.status === 'fulfilled' && temporal.status === 'fulfilled') {
    const databaseUrl = postgres.value?.url ?? environment.databaseUrl;
    if (databaseUrl === undefined) throw new RelearnError('stack_failed', 'There is no database.');
    const started = temporal.value;
    return {
      environment: {
        ...environment,
        databaseUrl,
        ...(started === undefined ? {} : { temporal: { address: started.address }, namespace: 'default' }),
      },
      ...(started === undefined ? {} : { temporalUi: started.ui }),
      processes: {
        ...(postgres.value === undefined ? {} : { postgres: postgres.value.supervised }),
        ...(started === undefined ? {} : { temporal: started.supervised }),
      },
    };
  }
  for (const result of [postgres, temporal]) {
    if (result.status === 'fulfilled') await result.value?.supervised.stop();
  }
  throw postgres.status === 'rejected' ? postgres.reason : temporal.status === 'rejected' ? temporal.reason : undefined;
}

async function embeddedPostgres({ config, ports, onEvent }: BackendOptions) {
  const directory = join(config.stateDir, 'postgres');
  const port = ports === 'free' ? undefined : ports.postgres;
  const first = await startPostgres({ directory, ...(port === undefined ? {} : { port }) });
  const again = () => startPostgres({ directory, port: Number(new URL(first.url).port) });
  return { url: first.url, supervised: superviseBackend('postgres', first.process, again, onEvent) };
}

async function embeddedTemporal({ config, environment, ports, codecEndpoint, onEvent }: BackendOptions) {
  const settings = {
    codecEndpoint,
    directory: join(config.stateDir, 'temporal'),
    cacheDirectory: environment.cacheDirectory,
    onEvent: (message: string) => onEvent({ level: 'info', source: 'temporal', message }),
  };
  const asked = ports === 'free' ? {} : ports;
  const usual = (port: number) => getPort({ host: '127.0.0.1', ...(ports === 'free' ? {} : { port }) });
  const first = await startTemporal({
    ...settings,
    port: asked.temporal ?? (await usual(7233)),
    uiPort: asked.temporalUi ?? (await usual(8233)),
  });
  const again = () =>
    startTemporal({ ...settings, port: portOf(first.address), uiPort: Number(new URL(first.ui).port) });
  return { ...first, supervised: superviseBackend('temporal', first.process, again, onEvent) };
}

function portOf(address: string): number {
  return Number(address.split(':').at(-1));
}

function superviseBackend(
  name: string,
  first: ManagedProcess,
  start: () => Promise<{ process: ManagedProcess }>,
  onEvent: (event: StackEvent) => void,
): Supervised {
  return supervise({
    ...{ name, first, start: async () => (await start()).process },
    onWarning: (message) => onEvent({ level: 'warn', source: 'relearn', message }),
  });
}
