import type { Database } from '../database.ts';
import { errorMessage, RelearnError, type ErrorCode } from '../errors.ts';
import type { CertificateKeys } from '../gate/certificate-keys.ts';
import { requireCertificate } from '../gate/stored-certificates.ts';
import { getVersion } from './registry.ts';
import { findRunningRollout } from './rollout.ts';
import { describeTaint } from './taint.ts';

/** What speaks for and against letting a registered version serve. */
export interface PromotionFacts {
  model: string;
  version: string;
  serves: 'champion' | 'challenger' | null;
  /** Another version that is being rolled out. */
  rollingOut: string | null;
  tainted: boolean;
  /** Why it has no good certificate; null when it has one. */
  uncertified: string | null;
}

/** Why a person may not let the version serve, as an error of the catalogue; null when they may. */
export function whyNotPromoted(facts: PromotionFacts): { code: ErrorCode; message: string } | null {
  const { model, version, serves, rollingOut, tainted, uncertified } = facts;
  if (serves === 'champion') {
    return { code: 'promotion_conflict', message: `${version} is the champion of ${model} already.` };
  }
  if (serves === 'challenger') {
    return { code: 'promotion_conflict', message: `${version} is being rolled out already. Wait for its end.` };
  }
  if (rollingOut !== null) {
    const message = `${rollingOut} is being rolled out. Wait for its end, or take it back first.`;
    return { code: 'promotion_conflict', message };
  }
  if (tainted) return { code: 'version_tainted', message: describeTaint(facts) };
  return uncertified === null ? null : { code: 'not_certified', message: uncertified };
}

/**
 * Reads them. Without keys, signatures are not checked: whoever promotes checks them. Throws `version_not_found`.
 */
export async function readPromotionFacts(
  db: Database,
  keys: Pick<CertificateKeys, 'check'> | undefined,
  { model, version }: { model: string; version: string },
): Promise<PromotionFacts> {
  const found = await getVersion(db, model, version);
  const [[state], rollout, uncertified] = await Promise.all([
    db.query<{ tainted: boolean; alias: 'champion' | 'challenger' | null }>(
      `select v.tainted_at is not null as tainted, a.alias
       from relearn.versions v left join relearn.aliases a on a.model = v.model and a.version = v.version
       where v.model = $1 and v.version = $2 order by a.alias limit 1`,
      [model, version],
    ),
    findRunningRollout(db, model),
    whyUncertified(db, keys ?? { check: () => 'good' }, found),
  ]);
  return {
    ...{ model, version, uncertified },
    serves: state?.alias ?? null,
    rollingOut: rollout === null || rollout.version === version ? null : rollout.version,
    tainted: state?.tainted ?? false,
  };
}

/** Throws `version_not_found`, and why the version may not be promoted. */
export async function requirePromotable(
  db: Database,
  keys: Pick<CertificateKeys, 'check'> | undefined,
  version: { model: string; version: string },
): Promise<void> {
  const refusal = whyNotPromoted(await readPromotionFacts(db, keys, version));
  if (refusal !== null) throw new RelearnError(refusal.code, refusal.message);
}

async function whyUncertified(...asked: Parameters<typeof requireCertificate>): Promise<string | null> {
  try {
    await requireCertificate(...asked);
    return null;
  } catch (error) {
    if (error instanceof RelearnError && error.code === 'not_certified') return errorMessage(error);
    throw error;
  }
}
