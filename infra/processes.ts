import type { Config } from '../src/config.ts';
import { startChild, untilItAnswers } from './child.ts';
import type { ChildOptions, StackEvent } from './child.ts';
import { choosePort } from './ports.ts';
import { supervise } from './supervisor.ts';
import type { Supervised } from './supervisor.ts';
import { reachable } from './web-addresses.ts';

/** Where gateway and console listen. */
export interface Servers {
  ports: { gateway: number; console: number };
  urls: { gateway: string; console: string };
}

/** Takes the ports of the configuration, or free ones. Throws `port_taken`. */
export async function chooseServers(config: Config, free: boolean): Promise<Servers> {
  const { gateway, console } = config;
  const ports = {
    gateway: await choosePort(free ? 0 : gateway.port, {
      ...{ host: gateway.host, what: 'the gateway', setting: 'gateway.port in relearn.yaml' },
    }),
    console: await choosePort(free ? 0 : console.port, {
      ...{ host: console.host, what: 'the console', setting: 'console.port in relearn.yaml' },
    }),
  };
  const urls = {
    gateway: `http://${reachable(gateway.host)}:${ports.gateway}`,
    console: `http://${reachable(console.host)}:${ports.console}`,
  };
  return { ports, urls };
}

export interface ProcessesOptions {
  configPath: string;
  servers: Servers;
  env: NodeJS.ProcessEnv;
  logDirectory: string;
  onEvent: (event: StackEvent) => void;
  /** Called when one was started again: it has another process id. */
  onRestart: () => void;
}

/** Starts worker, gateway and console. Resolves when the latter two answer; leaves none running when one fails. */
export async function startProcesses(options: ProcessesOptions): Promise<Record<string, Supervised>> {
  const { configPath, servers, env, logDirectory, onEvent } = options;
  const child = (name: string, ...args: string[]): ChildOptions => ({
    ...{ name, env, logDirectory, onEvent },
    args: ['--config', configPath, ...args],
  });
  const children = [
    child('worker'),
    child('gateway', '--port', `${servers.ports.gateway}`),
    child('console', '--port', `${servers.ports.console}`),
  ];
  const started: Record<string, Supervised> = {};
  try {
    const launched = await Promise.all(
      children.map(async (settings) => ({ settings, process: await startChild(settings) })),
    );
    for (const { settings, process } of launched) {
      started[settings.name] = supervise({
        ...{ name: settings.name, first: process, start: () => startChild(settings), onRestart: options.onRestart },
        onWarning: (message) => onEvent({ level: 'warn', source: 'relearn', message }),
      });
    }
    const urls = new Map(Object.entries(servers.urls));
    await Promise.all(
      launched.map(async ({ settings, process }) => {
        const url = urls.get(settings.name);
        if (url !== undefined) await untilItAnswers(`${url}/healthz`, process, settings);
      }),
    );
    return started;
  } catch (error) {
    await Promise.all(Object.values(started).map((process) => process.stop()));
    throw error;
  }
}
