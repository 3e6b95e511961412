import type { Config } from '../src/config.ts';
import { isLoopback } from '../src/http/loopback.ts';

/** Where people open the console, without a slash at the end: as configured, as `relearn up` serves it, or as it is bound. */
export function findConsoleUrl({ console }: Pick<Config, 'console'>, served: string | undefined): string {
  const url = console.url ?? served ?? `http://${reachable(console.host)}:${console.port}`;
  return url.replace(/\/+$/, '');
}

/** Origins of the Temporal UI. One on this machine has two names. */
export function findUiOrigins(ui: string | undefined): Set<string> {
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
