import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { startBackends } from './backends.ts';
import type { BackendPorts, Backends } from './backends.ts';
import { readConfigFile } from './config-file.ts';
import { checkConfiguredFiles } from './configured-files.ts';
import { childEnvironment, readEnvironment, type Environment } from './environment.ts';
import { readOrMakeCertificateKeys } from './certificate-keys.ts';
import { readOrMakeHashKey } from './hash-key.ts';
import { tryLock } from './lock.ts';
import { prepareBackends } from './prepare.ts';
import { chooseServers, startProcesses } from './processes.ts';
import { removeStackFile, stackLock, writeStackFile } from './stack-file.ts';
import type { StackUrls } from './stack-file.ts';
import type { StackEvent } from './child.ts';
import type { Supervised } from './supervisor.ts';
import { findConsoleUrl } from './web-addresses.ts';

export interface StackOptions {
  /** Path of relearn.yaml. */
  config: string;
  /** 'free': any ports; else those of the configuration, and the usual ones of what is embedded. */
  ports?: BackendPorts | 'free';
  onEvent?: (event: StackEvent) => void;
}

export interface Stack {
  config: Config;
  urls: StackUrls;
  namespace: string;
  /** Ends everything in reverse, each part within its time. */
  stop(): Promise<void>;
}

/**
 * The whole of Relearn on this machine: Postgres and Temporal (unless the environment names them), migrations, search
 * attributes, schedules, and worker, gateway and console as processes of their own, started again when they end.
 * Resolves when gateway and console answer. What it started ends with this process, even when that is killed.
 * Throws `invalid_config`, `invalid_rows`, `port_taken`, `stack_failed` or `migration_failed`, and leaves nothing running.
 */
export async function startStack({ config: configPath, ports = {}, onEvent = () => {} }: StackOptions): Promise<Stack> {
  const config = await readConfigFile(configPath);
  for (const message of await checkConfiguredFiles(config)) onEvent({ level: 'warn', source: 'relearn', message });
  const stops = [await lockStateDirectory(config)];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const own = readEnvironment();
    const hashKey = await readOrMakeHashKey(config, own);
    await readOrMakeCertificateKeys(config, own.secret);
    const servers = await chooseServers(config, ports === 'free');
    const codecEndpoint = findCodecEndpoint(config, own, servers.urls.console);
    const backends = await startBackends({ config, environment: own, ports, codecEndpoint, onEvent });
    stops.push(() => stopAll(backends.processes));
    const { environment } = backends;
    await prepareBackends({ config, configPath, environment, embedded: backends.temporalUi !== undefined, onEvent });

    const urls = { ...servers.urls, ...backendUrls(backends) };
    const startedAt = new Date().toISOString();
    const running: Record<string, Supervised> = { ...backends.processes };
    const recordStack = async () => {
      const pids = Object.fromEntries(Object.entries(running).map(([name, { pid }]) => [name, pid()]));
      await writeStackFile(config.stateDir, {
        ...{ pid: process.pid, startedAt, urls, namespace: environment.namespace, pids },
      });
    };
    const processes = await startProcesses({
      ...{ configPath, servers, onEvent },
      env: childVariables(config, backends, { hashKey, consoleUrl: urls.console }),
      logDirectory: join(config.stateDir, 'logs'),
      onRestart: () => void recordStack(),
    });
    Object.assign(running, processes);
    stops.push(() => stopAll(processes));
    await recordStack();
    stops.push(() => removeStackFile(config.stateDir));
    return { config, urls, namespace: environment.namespace, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Two stacks in one state folder would share a database file; returns the release. */
async function lockStateDirectory({ stateDir }: Config): Promise<() => Promise<void>> {
  await mkdir(stateDir, { recursive: true });
  const lock = await tryLock(stackLock(stateDir));
  if (lock.held) return () => lock.release();
  throw new RelearnError(
    'stack_failed',
    `Relearn already runs in ${stateDir} (process ${lock.owner}). Stop it, or set another stateDir.`,
  );
}

function backendUrls({ environment, temporalUi }: Backends): Pick<StackUrls, 'temporal' | 'temporalUi' | 'database'> {
  return {
    temporal: environment.temporal?.address ?? '',
    database: environment.databaseUrl,
    ...(temporalUi === undefined ? {} : { temporalUi }),
  };
}

/** The console decrypts for the Temporal UI; undefined while nothing is encrypted. */
function findCodecEndpoint(config: Config, { payloadKeys }: Environment, consoleUrl: string): string | undefined {
  if (payloadKeys === undefined || payloadKeys.length === 0) return undefined;
  return `${findConsoleUrl(config, consoleUrl)}/codec`;
}

/** A user's own Temporal server is inherited as it is set, TLS and keys included. */
function childVariables(
  config: Config,
  { environment, temporalUi }: Backends,
  { hashKey, consoleUrl }: { hashKey: string; consoleUrl: string },
): NodeJS.ProcessEnv {
  const own = {
    ...{ DATABASE_URL: environment.databaseUrl, RELEARN_CONSOLE_URL: consoleUrl },
    [config.log.hashKeyEnv]: hashKey,
  };
  const address = environment.temporal?.address;
  if (temporalUi === undefined || address === undefined) return childEnvironment(own);
  return childEnvironment(
    { ...own, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: environment.namespace, TEMPORAL_UI_URL: temporalUi },
    { withoutTemporal: true },
  );
}

async function stopAll(processes: Record<string, Supervised>): Promise<void> {
  await Promise.all(Object.values(processes).map((process) => process.stop()));
}
