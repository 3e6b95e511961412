import { z } from 'zod';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { Version } from '../promote/registry.ts';
import { digestUpstream } from '../promote/upstream-version.ts';
import { certificateSchema, findFault, signedSchema, type Certificate, type Signed } from './certificate.ts';
import type { CertificateKeys } from './certificate-keys.ts';

/** Stores a certificate once. */
export async function storeCertificate(db: Database, { id, signature, ...content }: Certificate): Promise<void> {
  await db.query(
    `insert into relearn.certificates (id, model, version, kind, passed, content, signature, issued_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing`,
    [id, content.model, content.version, content.kind, content.passed, content, signature, content.issuedAt],
  );
}

/** The version's passed certificate, or its latest one when none passed; null when it has none that can be read. */
export async function findCertificate(db: Database, model: string, version: string): Promise<Certificate | null> {
  const [latest] = await listCertificates(db, model, version);
  return certificateSchema.safeParse(latest).data ?? null;
}

/**
 * The certificate by which a version may serve: passed, about this model, version and file or upstream, and signed with a
 * trusted key. Throws `not_certified`, which says what is wrong with the one there is.
 */
export async function requireCertificate(
  db: Database,
  keys: Pick<CertificateKeys, 'check'>,
  subject: Subject,
): Promise<Signed> {
  let fault: string | undefined;
  for (const signed of await listCertificates(db, subject.model, subject.version)) {
    const found = findFault(signed, keys) ?? findOtherSubject(signed, subject);
    if (found === null) return signed;
    fault ??= found;
  }
  throw new RelearnError(
    'not_certified',
    `Version ${subject.version} of ${subject.model} has no good gate certificate, so it cannot serve` +
      (fault === undefined ? '. Run its gates first.' : `: ${fault}. \`relearn eval --verify\` shows it.`),
  );
}

/** How often the eval pack has decided about the model before `issuedAt`. */
export async function countPackUses(
  db: Database,
  { model, packSha256, before }: { model: string; packSha256: string; before: Date },
): Promise<number> {
  const [row] = await db.query<{ uses: number }>(
    `select count(*) as uses from relearn.certificates
     where model = $1 and content ->> 'packSha256' = $2 and issued_at < $3`,
    [model, packSha256, before],
  );
  return row?.uses ?? 0;
}

/** What a certificate is asked about. */
type Subject = Pick<Version, 'model' | 'version' | 'kind' | 'artifact' | 'metadata'>;

const statement = z.object({
  model: z.string(),
  version: z.string(),
  artifact: z.string().nullable(),
  upstreamSha256: z.string().nullable().optional(),
  passed: z.boolean(),
});

function findOtherSubject(signed: Signed, subject: Subject): string | null {
  const stated = statement.safeParse(signed).data;
  if (stated?.passed !== true) return 'its gates were not passed';
  if (stated.model !== subject.model || stated.version !== subject.version) {
    return `it is about version ${stated.version} of ${stated.model}`;
  }
  if (stated.artifact !== subject.artifact) return 'it is about another model file';
  // Certificates of earlier releases say of an upstream only that it is no file.
  if (stated.upstreamSha256 === undefined && stated.artifact === null) return null;
  if ((stated.upstreamSha256 ?? null) === digestUpstream(subject)) return null;
  return 'it is about another model, adapter or endpoint of an upstream';
}

/** Passed ones first, then the latest. */
export async function listCertificates(db: Database, model: string, version: string): Promise<Signed[]> {
  const rows = await db.query<{ id: string; content: Record<string, unknown>; signature: unknown }>(
    `select id, content, signature from relearn.certificates
     where model = $1 and version = $2 order by passed desc, issued_at desc, id`,
    [model, version],
  );
  return rows.map(({ id, content, signature }) => signedSchema.parse({ ...content, id, signature }));
}

/** A certificate from outside, such as a file. Throws `invalid_rows`. */
export function parseCertificate(text: string, where: string): Signed {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RelearnError('invalid_rows', `${where}: not JSON. Wanted what \`relearn eval --verify --json\` prints.`);
  }
  const parsed = signedSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new RelearnError('invalid_rows', `${where}: not a gate certificate of Relearn.`);
}
