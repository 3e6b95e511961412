import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { CertificateKeys } from '../gate/certificate-keys.ts';
import { requireCertificate } from '../gate/stored-certificates.ts';
import { getVersion } from './registry.ts';
import { requireUntainted } from './taint.ts';

/** The canary stage of a retrain run. */
export interface Rollout {
  model: string;
  run: number;
  version: string;
  state: 'running' | 'promoted' | 'rolled_back';
  /** Part of the traffic that the version answers. */
  share: number;
  reason: string | null;
  startedAt: Date;
}

/**
 * Lets a certified version answer a share of the traffic as challenger, beside the champion the caller saw. Set twice, it
 * is the same; a rollout that has ended stays ended. Throws `not_certified`, `version_tainted` or `promotion_conflict`.
 */
export async function setChallengerShare(
  db: Database,
  keys: Pick<CertificateKeys, 'check'>,
  wanted: { model: string; run: number; version: string; share: number; expectedToken: number },
): Promise<Rollout> {
  const { model, run, version, share, expectedToken } = wanted;
  return db.transaction(async (tx) => {
    await tx.query(`select 1 from relearn.models where name = $1 for update`, [model]);
    await requireUntainted(tx, { model, version });
    await requireCertificate(tx, keys, await getVersion(tx, model, version));
    const champion = await tx.query(
      `select 1 from relearn.aliases where model = $1 and alias = 'champion' and token = $2`,
      [model, expectedToken],
    );
    if (champion.length === 0) {
      throw new RelearnError('promotion_conflict', `The champion of ${model} changed meanwhile. Nothing was changed.`);
    }
    await tx.query(
      `insert into relearn.rollouts as r (model, run, version, share) values ($1, $2, $3, $4)
       on conflict (model, run) do update set share = excluded.share where r.state = 'running'`,
      [model, run, version, share],
    );
    await tx.query(
      `insert into relearn.aliases (model, alias, version, share)
       select $1, 'challenger', $3, $4 from relearn.rollouts where model = $1 and run = $2 and state = 'running'
       on conflict (model, alias) do update
         set version = excluded.version, share = excluded.share, token = aliases.token + 1, changed_at = now()
         where (aliases.version, aliases.share) is distinct from (excluded.version, excluded.share)`,
      [model, run, version, share],
    );
    await tx.query(
      `insert into relearn.audit (actor, action, model, subject, details) values ('relearn', 'canary', $1, $2, $3)`,
      [model, version, { run, share }],
    );
    return readRollout(tx, model, run);
  });
}

/** Ends a rollout and takes the challenger from the traffic. One that has ended, or never began, stays as it is. */
export async function endRollout(
  db: Database,
  {
    model,
    run,
    state,
    by,
    reason,
  }: { model: string; run: number; state: Rollout['state']; by: string; reason: string },
): Promise<void> {
  await db.query(
    `with ended as (
       update relearn.rollouts set state = $3, reason = $5, ended_at = now()
       where model = $1 and run = $2 and state = 'running'
       returning version
     ), gone as (
       delete from relearn.aliases a using ended
       where a.model = $1 and a.alias = 'challenger' and a.version = ended.version
     )
     insert into relearn.audit (actor, action, model, subject, details)
     select $4, 'rollout_' || $3, $1, version, jsonb_build_object('run', $2::int, 'reason', $5::text) from ended`,
    [model, run, state, by, reason],
  );
}

/** The rollout under way, or null. */
export async function findRunningRollout(db: Database, model: string): Promise<Rollout | null> {
  const [found] = await db.query<Rollout>(
    `select ${columns} from relearn.rollouts where model = $1 and state = 'running' order by run desc limit 1`,
    [model],
  );
  return found ?? null;
}

export async function readRollout(db: Database, model: string, run: number): Promise<Rollout> {
  const [found] = await db.query<Rollout>(`select ${columns} from relearn.rollouts where model = $1 and run = $2`, [
    model,
    run,
  ]);
  if (found === undefined) throw new Error(`run ${run} of ${model} has no rollout`);
  return found;
}

const columns = `model, run, version, state, share, reason, started_at as "startedAt"`;
