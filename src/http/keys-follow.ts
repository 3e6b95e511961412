import { timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { errorMessage, RelearnError } from '../errors.ts';
import { hashSecret, listUsableKeys, splitKey, type UsableKey } from './keys.ts';

export interface Keys {
  /**
   * The key of an Authorization header; a promise when the database has to be asked. Throws `invalid_api_key`, or
   * `keys_unavailable` when it cannot be told.
   */
  check(authorization: string | undefined): UsableKey | Promise<UsableKey>;
  /** A key that was checked before, by its id; undefined once it is revoked or expired. Throws `keys_unavailable`. */
  usable(id: string): UsableKey | undefined;
  close(): Promise<void>;
}

export interface FollowKeysOptions {
  db: Database;
  logger: { info(details: object, message: string): void; warn(details: object, message: string): void };
  /** How long keys known before are accepted while the database does not answer. */
  maxAgeMs: number;
  pollMs?: number;
  /** How long an unknown key waits for the database. */
  patienceMs?: number;
  now?: () => number;
}

/** Looks for unknown keys are at least this far apart: whoever guesses keys does not load the database. */
const gapMs = 100;
const usualPatienceMs = 3000;
const nobody = Buffer.alloc(32);

/**
 * Holds all usable keys in memory and reads them again every `pollMs`, so that a revoked key ends everywhere within
 * seconds. A key that is not known yet is looked for at once. Resolves after the first look; throws when that fails.
 */
export async function followKeys(options: FollowKeysOptions): Promise<Keys> {
  const { db, logger, pollMs = 1000, patienceMs = usualPatienceMs, now = Date.now } = options;
  const maxAgeMs = Math.max(options.maxAgeMs, 3 * pollMs); // between two looks they are always as old as that
  let known = new Map<string, UsableKey>();
  /** When the last look that was answered began. */
  let asOf = -Infinity;
  let began = -Infinity;
  let down = false;
  let closed = false;
  let looking: Promise<unknown> = Promise.resolve();
  let next: Promise<boolean> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function read(): Promise<void> {
    const start = (began = now());
    known = new Map((await listUsableKeys(db)).map((key) => [key.id, key]));
    asOf = start;
  }

  /** Whether it was answered. */
  async function look(): Promise<boolean> {
    if (closed) return false;
    try {
      await read();
      if (down) logger.info({}, 'keys can be checked again');
      down = false;
    } catch (error) {
      if (!down) logger.warn({ error: errorMessage(error) }, 'cannot look for keys, accepting those known before');
      down = true;
    }
    return !down;
  }

  /** A look that begins after this call; callers share it. */
  function lookAgain(): Promise<boolean> {
    next ??= looking
      .then(() => sleep(Math.min(gapMs, Math.max(0, began + gapMs - now())), undefined, { ref: false }))
      .then(() => {
        next = undefined;
        const begun = look();
        looking = begun;
        return begun;
      });
    return next;
  }

  function usable(id: string): UsableKey | undefined {
    if (now() - asOf > maxAgeMs) throw unavailable();
    const key = known.get(id);
    return key === undefined || key.expiresAt === null || key.expiresAt.getTime() > now() ? key : undefined;
  }

  function find(id: string, secret: string): UsableKey | undefined {
    if (now() - asOf > maxAgeMs) throw unavailable();
    const key = known.get(id);
    const same = timingSafeEqual(hashSecret(secret), key?.secretSha256 ?? nobody);
    if (key === undefined) return undefined;
    if (same && (key.expiresAt === null || key.expiresAt.getTime() > now())) return key;
    throw invalid();
  }

  async function findLater(id: string, secret: string): Promise<UsableKey> {
    const looked = !down && (await Promise.race([lookAgain(), sleep(patienceMs, false, { ref: false })]));
    const key = find(id, secret);
    if (key !== undefined) return key;
    throw looked ? invalid() : unavailable();
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void lookAgain().then(() => {
        if (!closed) schedule();
      });
    }, pollMs).unref();
  }

  await read();
  schedule();
  return {
    check(authorization) {
      const parts = splitKey(/^bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
      if (parts === null) throw invalid();
      return find(parts.id, parts.secret) ?? findLater(parts.id, parts.secret);
    },
    usable,
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

/** One message for every reason: it helps nobody to know which part of a key is right. */
function invalid(): RelearnError {
  return new RelearnError(
    'invalid_api_key',
    'The API key is missing, unknown, revoked or expired. Send `Authorization: Bearer rl_…`; ' +
      '`relearn keys create` makes a key.',
  );
}

function unavailable(): RelearnError {
  return new RelearnError('keys_unavailable', 'The API key cannot be checked now. Try again in a moment.');
}
