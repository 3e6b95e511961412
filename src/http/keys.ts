import { hash, randomBytes } from 'node:crypto';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';

/** What a key allows. */
export const scopes = ['infer', 'feedback', 'view', 'review', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Whoever may do the one may do the others, too. */
const covers: Readonly<Partial<Record<Scope, readonly Scope[]>>> = {
  review: ['view'],
  operate: ['view', 'review'],
  admin: scopes,
};

/** Whether a key with these scopes may do what needs `wanted`. */
export function allows(given: readonly Scope[], wanted: Scope): boolean {
  return given.some((scope) => scope === wanted || covers[scope]?.includes(wanted) === true);
}

export interface KeyView {
  /** The public part of the key. */
  id: string;
  name: string;
  scopes: Scope[];
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

/** What a server needs to know of a key to accept it. */
export interface UsableKey {
  id: string;
  name: string;
  scopes: Scope[];
  secretSha256: Buffer;
  expiresAt: Date | null;
}

const form = /^rl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const columns = `id, name, scopes, created_by as "createdBy", created_at as "createdAt", expires_at as "expiresAt",
  revoked_at as "revokedAt"`;

/** The two parts of a key: the id it is found by, and the secret that is compared. Null for anything else. */
export function splitKey(key: string): { id: string; secret: string } | null {
  const [, id, secret] = form.exec(key) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/**
 * SHA-256 is enough for a secret of 256 random bits: nobody can try them out. Slow hashes protect what people choose,
 * and would cost every request.
 */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Makes a key `rl_<id>_<secret>`. It is returned here and stored nowhere: only its hash is. */
export async function createKey(
  db: Database,
  given: { name: string; scopes: readonly Scope[]; expiresAt: Date | null; actor: string },
): Promise<{ key: string; view: KeyView }> {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const { name, expiresAt, actor } = given;
  const [view] = await db.query<KeyView>(
    `with made as (
       insert into relearn.keys (id, name, scopes, secret_sha256, created_by, expires_at)
       values ($1, $2, $3::text[], $4, $5, $6) returning *
     ), noted as (
       insert into relearn.audit (actor, action, subject, details)
       select created_by, 'create_key', id,
         jsonb_build_object('name', name, 'scopes', scopes, 'expires_at', expires_at) from made
     )
     select ${columns} from made`,
    [id, name, given.scopes, hashSecret(secret), actor, expiresAt],
  );
  if (view === undefined) throw new Error('an insert returns its row');
  return { key: `rl_${id}_${secret}`, view };
}

/** Every key there was, the newest first. */
export async function listKeys(db: Database): Promise<KeyView[]> {
  return db.query<KeyView>(`select ${columns} from relearn.keys order by created_at desc, id`);
}

/** Ends a key. Revoked before, it stays as it was. Throws `key_not_found`. */
export async function revokeKey(db: Database, { id, actor }: { id: string; actor: string }): Promise<KeyView> {
  await db.query(
    `with ended as (
       update relearn.keys set revoked_at = now() where id = $1 and revoked_at is null returning id, name
     )
     insert into relearn.audit (actor, action, subject, details)
     select $2, 'revoke_key', id, jsonb_build_object('name', name) from ended`,
    [id, actor],
  );
  const [view] = await db.query<KeyView>(`select ${columns} from relearn.keys where id = $1`, [id]);
  if (view !== undefined) return view;
  throw new RelearnError('key_not_found', 'No key has this id. `relearn keys list` shows them.');
}

/** Keys that are neither revoked nor expired. */
export async function listUsableKeys(db: Database): Promise<UsableKey[]> {
  return db.query<UsableKey>(
    `select id, name, scopes, secret_sha256 as "secretSha256", expires_at as "expiresAt" from relearn.keys
     where revoked_at is null and (expires_at is null or expires_at > now())`,
  );
}
