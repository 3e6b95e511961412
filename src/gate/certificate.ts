import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Gate } from '../config.ts';
import type { Database } from '../database.ts';

const gateResult = z.object({
  metric: z.string(),
  slice: z.string(),
  kind: z.enum(['min', 'maxDrop']),
  required: z.boolean(),
  outcome: z.enum(['passed', 'excused', 'failed', 'inconclusive', 'not_applicable']),
  passed: z.boolean(),
  reason: z.string(),
  figures: z.record(z.string(), z.number()),
});

/** What a certificate states. It holds numbers and digests, no text of a case. */
export const certificateSchema = z.object({
  model: z.string(),
  version: z.string(),
  /** `incumbent`: in production when the model was configured, no gates; `first`: no champion to compare with. */
  kind: z.enum(['incumbent', 'first', 'gated']),
  passed: z.boolean(),
  /** SHA-256 of the version's file; null for an upstream. */
  artifact: z.string().nullable(),
  dataset: z.string().nullable(),
  /** The version it was compared with. */
  champion: z.string().nullable(),
  packSha256: z.string().nullable(),
  gatesSha256: z.string().nullable(),
  /** The method behind the comparisons, with its level. */
  test: z.string(),
  verdict: z
    .object({
      verdict: z.enum(['pass', 'fail', 'inconclusive']),
      first: z.boolean(),
      gates: z.array(gateResult),
      reasons: z.array(z.string()),
    })
    .nullable(),
  approvedBy: z.string().nullable(),
  /** Given by the caller, so that a step that runs twice writes one certificate. */
  issuedAt: z.iso.datetime(),
});

export type CertificateContent = z.output<typeof certificateSchema>;
export type Certificate = CertificateContent & {
  /** SHA-256 of the content as canonical JSON, in hex. */
  id: string;
};

export const pairedTest = 'Tango 1998 score interval for paired differences, one-sided 95 %';

/** The certificate that states `content`. Throws when a field is missing or of a wrong kind. */
export function buildCertificate(content: CertificateContent): Certificate {
  const checked = certificateSchema.parse(content);
  return { id: sha256(canonicalJson(checked)), ...checked };
}

/** Identifies a set of gates: the same gates in another order of keys are the same. */
export function digestGates(gates: readonly Gate[]): string {
  return sha256(canonicalJson(gates));
}

/** Stores a certificate once. */
export async function storeCertificate(db: Database, { id, ...content }: Certificate): Promise<void> {
  await db.query(
    `insert into relearn.certificates (id, model, version, kind, passed, content, issued_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing`,
    [id, content.model, content.version, content.kind, content.passed, content, content.issuedAt],
  );
}

/** The version's passed certificate, or its latest one when none passed; null when it has none. */
export async function findCertificate(db: Database, model: string, version: string): Promise<Certificate | null> {
  const [row] = await db.query<{ id: string; content: unknown }>(
    `select id, content from relearn.certificates
     where model = $1 and version = $2 order by passed desc, issued_at desc, id limit 1`,
    [model, version],
  );
  return row === undefined ? null : { id: row.id, ...certificateSchema.parse(row.content) };
}

/** JSON without white space, keys in order at every level: equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
