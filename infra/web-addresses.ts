import type { Config } from '../src/config.ts';
import { isLoopback } from '../src/http/loopback.ts';
import type { Environment } from './environment.ts';

/** What `relearn up` tells its processes. */
type Known = { [name in keyof Pick<Environment, 'consoleUrl' | 'temporalUi'>]?: string | undefined };

/** Where people open the console, without a slash at the end: as configured, as `relearn up` serves it, or as it is bound. */
export function findConsoleUrl({ console }: Pick<Config, 'console'>, known: Known): string {
  const url = console.url ?? known.consoleUrl ?? `http://${reachable(console.host)}:${console.port}`;
  return url.replace(/\/+$/, '');
}

/** Origins of the Temporal UI. One on this machine has two names. */
export function findUiOrigins({ console }: Pick<Config, 'console'>, known: Known): Set<string> {
  const ui = console.temporalUi ?? known.temporalUi;
  if (ui === undefined) return new Set();
  const { protocol, hostname, port, origin } = new URL(ui);
  const names = isLoopback(hostname) ? ['127.0.0.1', 'localhost'] : [];
  return new Set([origin, ...names.map((name) => new URL(`${protocol}//${name}:${port}`).origin)]);
}

/** A server bound to every address is reached from here by the loopback one. */
export function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
