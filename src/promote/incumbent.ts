import type { Database } from '../database.ts';
import { registerVersion, type Version } from './registry.ts';
import { nameEndpoint, readUpstream, type UpstreamConfig } from './upstream-version.ts';

export interface Incumbent {
  version: string;
  createdAt: Date;
  /** Whether it has been made the champion, now or once. */
  deployed: boolean;
}

/**
 * The version of the endpoint and model that the configuration names: the last incumbent while it is the same, else one that
 * is registered now. Processes that ask at once get the same one.
 */
export async function registerIncumbent(db: Database, model: string, serve: UpstreamConfig): Promise<Incumbent> {
  const named = { upstreamModel: serve.upstreamModel, ...nameEndpoint(serve.url) };
  return db.transaction(async (tx) => {
    await tx.query(`insert into relearn.models (name) values ($1) on conflict do nothing`, [model]);
    await tx.query(`select 1 from relearn.models where name = $1 for update`, [model]);
    await fillIn(tx, model, named);
    const last = await findLastIncumbent(tx, model);
    if (last !== null && isSame(last, named)) return last;
    await registerVersion(tx, {
      ...{ model, kind: 'upstream', artifact: null, dataset: null, parent: null, run: null },
      ...{ lowConfidenceBelow: null, metadata: named },
    });
    const registered = await findLastIncumbent(tx, model);
    if (registered === null) throw new Error('a version that was just registered is gone');
    return registered;
  });
}

/**
 * Versions of earlier releases do not say what they are: they were served by what the configuration named. What a
 * certificate states of a version stays as it is.
 */
async function fillIn(db: Database, model: string, named: object): Promise<void> {
  await db.query(
    `update relearn.versions v set metadata = $2::jsonb || metadata
     where model = $1 and kind = 'upstream' and metadata ->> 'endpointSha256' is null and not exists (
       select 1 from relearn.certificates c
       where c.model = v.model and c.version = v.version and c.content ->> 'upstreamSha256' is not null)`,
    [model, named],
  );
}

/** An incumbent is an upstream that no trainer made. */
async function findLastIncumbent(db: Database, model: string): Promise<(Incumbent & Pick<Version, 'metadata'>) | null> {
  const [found] = await db.query<Incumbent & Pick<Version, 'metadata'>>(
    `select version, metadata, created_at as "createdAt", exists (
       select 1 from relearn.deployments d where d.model = v.model and d.version = v.version
     ) as deployed
     from relearn.versions v
     where model = $1 and kind = 'upstream' and run is null and metadata ->> 'trainer' is null
     order by n desc limit 1`,
    [model],
  );
  return found ?? null;
}

function isSame(version: Pick<Version, 'metadata'>, named: { upstreamModel: string; endpointSha256: string }): boolean {
  const { upstreamModel, endpointSha256 } = readUpstream(version);
  return upstreamModel === named.upstreamModel && endpointSha256 === named.endpointSha256;
}
