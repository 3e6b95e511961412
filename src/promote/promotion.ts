import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { CertificateKeys } from '../gate/certificate-keys.ts';
import { requireCertificate } from '../gate/stored-certificates.ts';
import { getVersion, versionColumns, type Champion } from './registry.ts';
import { endRollout, findRunningRollout } from './rollout.ts';
import { requireUntainted } from './taint.ts';
import { requireServable } from './upstream-version.ts';

export interface Deployment {
  model: string;
  version: string;
  action: 'deploy' | 'promote' | 'rollback';
  /** The step that asks; asked again with the same key, nothing more happens. */
  key: string;
  actor: string;
  reason: string;
  /** The fencing token of the champion this replaces; 0 when there is none. Null skips the check. */
  expectedToken: number | null;
  /** The model's setting; left out: it is not asked whether the version can be served by it. */
  serve?: ModelConfig['serve'] | undefined;
}

/**
 * Makes a version the champion, in one transaction: it holds a good certificate, and the champion is still the one
 * the caller saw. What is promoted has learned from no row that was erased since. Throws `not_certified`,
 * `version_tainted`, `promotion_conflict`, or `invalid_config` for an upstream that `serve` does not name.
 */
export async function deployChampion(
  db: Database,
  keys: Pick<CertificateKeys, 'check'>,
  deployment: Deployment,
): Promise<void> {
  const { model, version, action, key, actor, reason, expectedToken, serve } = deployment;
  await db.transaction(async (tx) => {
    await tx.query(`select 1 from relearn.models where name = $1 for update`, [model]);
    const [done] = await tx.query(`select 1 from relearn.deployments where key = $1`, [key]);
    if (done !== undefined) return;

    if (action === 'promote') await requireUntainted(tx, { model, version });
    const found = await getVersion(tx, model, version);
    requireServable(found, serve);
    const certificate = await requireCertificate(tx, keys, found);
    const [champion] = await tx.query<{ version: string; token: number }>(
      `select version, token from relearn.aliases where model = $1 and alias = 'champion'`,
      [model],
    );
    if (expectedToken !== null && (champion?.token ?? 0) !== expectedToken) {
      throw new RelearnError(
        'promotion_conflict',
        `The champion of ${model} changed meanwhile: it is ${champion?.version ?? 'none'} now. Nothing was changed.`,
      );
    }
    await tx.query(
      `insert into relearn.aliases (model, alias, version) values ($1, 'champion', $2)
       on conflict (model, alias) do update
         set version = excluded.version, token = aliases.token + 1, changed_at = now()`,
      [model, version],
    );
    // Whoever was on trial beside the old champion is not beside the new one.
    await tx.query(`delete from relearn.aliases where model = $1 and alias = 'challenger'`, [model]);
    await tx.query(
      `update relearn.rollouts set state = 'promoted', share = 1, reason = $3, ended_at = now()
       where model = $1 and version = $2 and state = 'running'`,
      [model, version, reason],
    );
    await tx.query(
      `insert into relearn.deployments (model, version, previous, action, key, certificate, actor, reason)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [model, version, champion?.version ?? null, action, key, certificate.id, actor, reason],
    );
    await tx.query(`insert into relearn.audit (actor, action, model, subject, details) values ($1, $2, $3, $4, $5)`, [
      actor,
      action,
      model,
      version,
      { previous: champion?.version ?? null, reason },
    ]);
  });
}

/**
 * Takes the newest version from the traffic: a challenger that is being rolled out, or else the champion, for which what
 * served before it was deployed or promoted serves again. Called again with the same key, it
 * answers the same and changes nothing. Throws `version_not_found` when nothing served before, or `invalid_config` when
 * that was another endpoint than `serve` names.
 */
export async function rollBackChampion(
  db: Database,
  keys: Pick<CertificateKeys, 'check'>,
  { model, key, by, reason, serve }: Pick<Deployment, 'model' | 'key' | 'reason' | 'serve'> & { by: string },
): Promise<{ version: string; from: string }> {
  const done = await findDeployment(db, key);
  if (done !== null) return done;
  const ended = await rollBackChallenger(db, { model, key, by, reason });
  if (ended !== null) return ended;
  const target = await findEarlier(db, model);
  if (target === null) {
    throw new RelearnError(
      'version_not_found',
      `Model ${model} has no earlier champion to go back to. \`relearn models\` lists its versions.`,
    );
  }
  await deployChampion(db, keys, {
    ...{ model, version: target.version, action: 'rollback', key, actor: by, reason, serve },
    expectedToken: target.token,
  });
  return { version: target.version, from: target.from };
}

/** A version that would serve again in place of the champion, and the champion's token. */
export interface Fallback extends Champion {
  /** The champion. */
  from: string;
}

/** What a rollback of the champion would return to; a model before whose champion nothing served is left out. */
export async function listFallbacks(db: Database, models: readonly string[]): Promise<Fallback[]> {
  return db.query<Fallback>(
    `select ${versionColumns}, a.token, a.changed_at as since, a.version as from
     from relearn.aliases a
     cross join lateral (
       select previous from relearn.deployments
       where model = a.model and version = a.version and action <> 'rollback' order by id desc limit 1) d
     join relearn.versions v on v.model = a.model and v.version = d.previous
     where a.alias = 'champion' and a.model = any($1)`,
    [models],
  );
}

/** Null when nothing served before the champion. */
async function findEarlier(db: Database, model: string): Promise<Fallback | null> {
  const [found] = await listFallbacks(db, [model]);
  return found ?? null;
}

/** What a rollback would take from the traffic, and which version then answers all of it; null when there is neither. */
export async function findRollback(db: Database, model: string): Promise<{ from: string; to: string } | null> {
  const rollout = await findRunningRollout(db, model);
  if (rollout === null) {
    const earlier = await findEarlier(db, model);
    return earlier && { from: earlier.from, to: earlier.version };
  }
  const [champion] = await db.query<{ version: string }>(
    `select version from relearn.aliases where model = $1 and alias = 'champion'`,
    [model],
  );
  return champion === undefined ? null : { from: rollout.version, to: champion.version };
}

/** Null when none is being rolled out. */
async function rollBackChallenger(
  db: Database,
  { model, key, by, reason }: { model: string; key: string; by: string; reason: string },
): Promise<{ version: string; from: string } | null> {
  return db.transaction(async (tx) => {
    const rollout = await findRunningRollout(tx, model);
    if (rollout === null) return null;
    await endRollout(tx, { model, run: rollout.run, state: 'rolled_back', by, reason });
    const [kept] = await tx.query<{ version: string; from: string }>(
      `insert into relearn.deployments (model, version, previous, action, key, actor, reason)
       select model, version, $2, 'rollback', $3, $4, $5 from relearn.aliases where model = $1 and alias = 'champion'
       on conflict (key) do nothing
       returning version, previous as from`,
      [model, rollout.version, key, by, reason],
    );
    return kept ?? null;
  });
}

async function findDeployment(db: Database, key: string): Promise<{ version: string; from: string } | null> {
  const [found] = await db.query<{ version: string; from: string }>(
    `select version, coalesce(previous, '') as from from relearn.deployments where key = $1`,
    [key],
  );
  return found ?? null;
}
