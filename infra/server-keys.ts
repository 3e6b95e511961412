import type { Config, ServerConfig } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import { RelearnError } from '../src/errors.ts';
import { followKeys, type Keys } from '../src/http/keys-follow.ts';
import { listUsableKeys, type Scope } from '../src/http/keys.ts';
import { isLoopback } from '../src/http/loopback.ts';
import type { Logger } from './logger.ts';

/** For each server, the scopes of which a usable key must have one. */
const servers = {
  gateway: { what: 'The gateway', scopes: ['infer', 'admin'], example: 'infer,feedback' },
  console: { what: 'The console', scopes: ['review', 'operate', 'admin'], example: 'operate' },
} as const satisfies Record<string, { what: string; scopes: readonly Scope[]; example: string }>;

/** Whether requests need a key: always where others than this machine can reach the server. */
export function needsKeys({ auth, host }: Pick<ServerConfig, 'auth' | 'host'>): boolean {
  return auth === 'on' || !isLoopback(host);
}

/** The keys of a server, or undefined where none are needed. Throws `keys_required`. */
export async function openServerKeys(
  name: keyof typeof servers,
  { config, db, logger }: { config: Config; db: Database; logger: Logger },
): Promise<Keys | undefined> {
  const server = config[name];
  if (!needsKeys(server)) return undefined;
  await requireServerKeys(name, { config, db });
  return followKeys({ db, logger, maxAgeMs: server.keyCacheMinutes * 60_000 });
}

/**
 * Throws `keys_required` when a server needs keys and there is no usable one: one that others can reach does not start
 * open, and none starts useless.
 */
export async function requireServerKeys(
  name: keyof typeof servers,
  { config, db }: { config: Config; db: Database },
): Promise<void> {
  const { host, auth } = config[name];
  if (!needsKeys({ host, auth })) return;
  const { what, scopes, example } = servers[name];
  const keys = await listUsableKeys(db);
  if (keys.some((key) => scopes.some((scope) => key.scopes.includes(scope)))) return;
  throw new RelearnError(
    'keys_required',
    `${what} is bound to ${host}${isLoopback(host) ? ' with auth: on' : ', which others can reach'}, and no usable key ` +
      `has the scope ${scopes.join(' or ')}. Make one with \`relearn keys create --name NAME --scope ${example}\`, or ` +
      `set ${name}.host to 127.0.0.1${auth === 'on' ? ` and ${name}.auth to auto` : ''}.`,
  );
}
