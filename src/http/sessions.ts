import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { isSameOrigin, readMethods } from './host-guard.ts';
import type { Keys } from './keys-follow.ts';
import { hashSecret, type UsableKey } from './keys.ts';

/** Sign-ins of the console: a cookie that stands for a key, which the page itself never keeps. */
export interface Sessions {
  /**
   * The key behind a request's cookie; undefined for a request that brings a key of its own, or neither. What changes
   * something must come from this server's page, with its CSRF token, or `fromElsewhere` says that another page may ask.
   * Throws `invalid_api_key` or `forbidden`.
   */
  find(request: FastifyRequest, fromElsewhere?: boolean): Promise<UsableKey> | undefined;
  /** Opens a session for a key that was checked; answers its `set-cookie` and CSRF token. */
  open(request: FastifyRequest, key: UsableKey): Promise<{ cookie: string; csrf: string }>;
  /** Ends the request's session; answers the `set-cookie` that takes the cookie away. */
  close(request: FastifyRequest): Promise<string>;
  /** The CSRF token of the request's session. */
  csrfOf(request: FastifyRequest): string | null;
}

const cookieName = 'relearn_session';
const lastsHours = 12;

/** Sessions in the table `sessions`, by the hash of their token: whoever reads the table cannot sign in. */
export function createSessions(db: Database, keys: Keys): Sessions {
  async function keyOf(token: string): Promise<UsableKey> {
    const [session] = await db.query<{ keyId: string }>(
      `select key_id as "keyId" from relearn.sessions where token_sha256 = $1 and expires_at > now()`,
      [hashSecret(token)],
    );
    const key = session && keys.usable(session.keyId);
    if (key !== undefined) return key;
    throw new RelearnError('invalid_api_key', 'You are signed out: the session or its key has ended. Sign in again.');
  }

  return {
    find(request, fromElsewhere = false) {
      const token = tokenOf(request);
      if (token === undefined || request.headers.authorization !== undefined) return undefined;
      if (!readMethods.has(request.method) && !fromElsewhere) {
        refuseForeign(request);
        if (!sameToken(request.headers['x-csrf-token'], csrfFor(token))) {
          throw new RelearnError(
            'forbidden',
            'The header x-csrf-token is missing or wrong. GET /api/session gives it.',
          );
        }
      }
      return keyOf(token);
    },

    async open(request, key) {
      refuseForeign(request);
      const token = randomBytes(32).toString('base64url');
      await db.query(
        `with old as (delete from relearn.sessions where expires_at <= now())
         insert into relearn.sessions (token_sha256, key_id, expires_at)
         values ($1, $2, now() + make_interval(hours => $3))`,
        [hashSecret(token), key.id, lastsHours],
      );
      return { cookie: setCookie(request, token, lastsHours * 3600), csrf: csrfFor(token) };
    },

    async close(request) {
      refuseForeign(request);
      const token = tokenOf(request);
      if (token !== undefined) {
        await db.query('delete from relearn.sessions where token_sha256 = $1', [hashSecret(token)]);
      }
      return setCookie(request, '', 0);
    },

    csrfOf(request) {
      const token = tokenOf(request);
      return token === undefined ? null : csrfFor(token);
    },
  };
}

function tokenOf(request: FastifyRequest): string | undefined {
  const token = parseCookie(request.headers.cookie ?? '')[cookieName];
  return token === '' ? undefined : token;
}

/** Known to who has the cookie, and to the page of this server by `GET /api/session`; no other page can read either. */
function csrfFor(token: string): string {
  return hash('sha256', `csrf:${token}`, 'base64url');
}

function sameToken(given: string | string[] | undefined, wanted: string): boolean {
  return typeof given === 'string' && timingSafeEqual(hashSecret(given), hashSecret(wanted));
}

function refuseForeign({ headers }: FastifyRequest): void {
  if (headers.origin === undefined || isSameOrigin(headers.origin, headers.host)) return;
  throw new RelearnError('forbidden', 'Requests of other web pages are refused: their Origin is not this server.');
}

function setCookie(request: FastifyRequest, value: string, maxAge: number): string {
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
  return stringifySetCookie(cookieName, value, { httpOnly: true, sameSite: 'strict', path: '/', secure, maxAge });
}
