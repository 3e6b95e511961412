import { z } from 'zod';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { certificateSchema, findFault, type Certificate } from './certificate.ts';
import type { CertificateKeys } from './certificate-keys.ts';

interface StoredCertificate {
  id: string;
  content: Record<string, unknown>;
  signature: unknown;
}

/** Stores a certificate once. */
export async function storeCertificate(db: Database, { id, signature, ...content }: Certificate): Promise<void> {
  await db.query(
    `insert into relearn.certificates (id, model, version, kind, passed, content, signature, issued_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing`,
    [id, content.model, content.version, content.kind, content.passed, content, signature, content.issuedAt],
  );
}

/** The version's passed certificate, or its latest one when none passed; null when it has none. */
export async function findCertificate(db: Database, model: string, version: string): Promise<Certificate | null> {
  const [latest] = await listCertificates(db, model, version);
  return latest === undefined ? null : readCertificate(latest);
}

/**
 * The certificate by which a version may serve: passed, about this model, version and file, and signed with a trusted
 * key. Throws `not_certified`, which says what is wrong with the one there is.
 */
export async function requireCertificate(
  db: Database,
  keys: Pick<CertificateKeys, 'check'>,
  { model, version, artifact }: { model: string; version: string; artifact: string | null },
): Promise<Certificate> {
  let fault: string | undefined;
  for (const stored of await listCertificates(db, model, version)) {
    const certificate = certificateSchema.safeParse({ ...stored.content, id: stored.id, signature: stored.signature });
    const found = certificate.success
      ? (findFault(certificate.data, keys) ?? findOtherSubject(certificate.data, { model, version, artifact }))
      : 'its content is not that of a certificate';
    if (certificate.success && found === null) return certificate.data;
    fault ??= found ?? undefined;
  }
  throw new RelearnError(
    'not_certified',
    `Version ${version} of ${model} has no good gate certificate, so it cannot serve` +
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

function findOtherSubject(
  certificate: Certificate,
  subject: { model: string; version: string; artifact: string | null },
): string | null {
  if (!certificate.passed) return 'its gates were not passed';
  if (certificate.model !== subject.model || certificate.version !== subject.version) {
    return `it is about version ${certificate.version} of ${certificate.model}`;
  }
  return certificate.artifact === subject.artifact ? null : 'it is about another model file';
}

/** Passed ones first, then the latest. */
function listCertificates(db: Database, model: string, version: string): Promise<StoredCertificate[]> {
  return db.query<StoredCertificate>(
    `select id, content, signature from relearn.certificates
     where model = $1 and version = $2 order by passed desc, issued_at desc, id`,
    [model, version],
  );
}

function readCertificate({ id, content, signature }: StoredCertificate): Certificate {
  return certificateSchema.parse({ ...content, id, signature });
}

/** A certificate from outside, such as a file. Throws `invalid_rows`. */
export function parseCertificate(text: string, where: string): Certificate {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RelearnError('invalid_rows', `${where}: not JSON. Wanted what \`relearn eval --verify --json\` prints.`);
  }
  const parsed = z.union([certificateSchema, z.object({ certificate: certificateSchema })]).safeParse(json);
  if (parsed.success) return 'certificate' in parsed.data ? parsed.data.certificate : parsed.data;
  throw new RelearnError('invalid_rows', `${where}: not a gate certificate of Relearn.`);
}
