import { z } from 'zod';
import { canonicalJson, digestJson } from './canonical-json.ts';
import type { CertificateKeys } from './certificate-keys.ts';
import { gateSchema, type Gate } from './config.ts';

const gateResult = z.object({
  metric: z.enum(['pass_rate', 'score', 'improvement', 'latency_p95_ms', 'size_mb']),
  slice: z.string(),
  kind: z.enum(['min', 'maxDrop', 'max', 'maxRise']),
  method: z.enum(['point', 'tango', 'bootstrap', 'binomial']),
  required: z.boolean(),
  outcome: z.enum(['passed', 'excused', 'failed', 'inconclusive', 'not_applicable']),
  passed: z.boolean(),
  reason: z.string(),
  figures: z.record(z.string(), z.number()),
});

const sliceResult = z.object({
  slice: z.string(),
  cases: z.number(),
  passed: z.number(),
  unknown: z.number(),
  championPassed: z.number().nullable(),
});

/** What the gates decided. */
export const verdictSchema = z.object({
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  first: z.boolean(),
  gates: z.array(gateResult),
  reasons: z.array(z.string()),
});

/** What a certificate states. It holds numbers and digests, no text of a case. */
export const certificateContent = z.object({
  model: z.string(),
  version: z.string(),
  /** `incumbent`: in production when the model was configured, no gates; `first`: no champion to compare with. */
  kind: z.enum(['incumbent', 'first', 'gated']),
  passed: z.boolean(),
  /** SHA-256 of the version's file; null for an upstream. */
  artifact: z.string().nullable(),
  /** SHA-256 of which model of which endpoint an upstream is; null for a file. Earlier releases left it out. */
  upstreamSha256: z.string().nullable().optional(),
  dataset: z.string().nullable(),
  /** SHA-256 of the dataset's manifest as canonical JSON. */
  manifestSha256: z.string().nullable(),
  /** The version it was compared with. */
  champion: z.string().nullable(),
  /** SHA-256 of the eval pack's file, and how often it has decided about this model, this time included. */
  packSha256: z.string().nullable(),
  packUses: z.number().int().nullable(),
  /** SHA-256 of every case asked: those of the pack and the held-out corrections. */
  casesSha256: z.string().nullable(),
  /** SHA-256 of the configured gates. */
  gatesSha256: z.string().nullable(),
  /** Every gate asked: the configured ones, those the champion had cleared, those of held-out corrections. */
  gates: z.array(gateSchema),
  slices: z.array(sliceResult),
  /** The methods behind the comparisons, with their level. */
  test: z.string(),
  verdict: verdictSchema.nullable(),
  approvedBy: z.string().nullable(),
  /** Given by the caller, so that a step that runs twice writes one certificate. */
  issuedAt: z.iso.datetime(),
});

export type CertificateContent = z.output<typeof certificateContent>;

const signatureSchema = z.object({ key: z.string(), value: z.string() });

/** A certificate as it is stored and exported. */
export const certificateSchema = certificateContent.extend({
  /** SHA-256 of the content as canonical JSON, in hex. */
  id: z.string(),
  /** Ed25519 over the same JSON; null in one that was never signed, which is good for nothing. */
  signature: signatureSchema.nullable(),
});

export type Certificate = z.output<typeof certificateSchema>;

/** A certificate as it was read, fields of another release included: they were signed as well. */
export const signedSchema = z.looseObject({ id: z.string(), signature: signatureSchema.nullable().catch(null) });

export type Signed = z.output<typeof signedSchema>;

export const pairedTest =
  'paired by case, one-sided 95 %: Tango 1998 score interval for pass or fail, percentile bootstrap for scores';

/** The signed certificate that states `content`. Throws when a field is missing or of a wrong kind. */
export function issueCertificate(content: CertificateContent, keys: Pick<CertificateKeys, 'sign'>): Certificate {
  const checked = certificateContent.parse(content);
  return { id: digestJson(checked), ...checked, signature: keys.sign(canonicalJson(checked)) };
}

/** What is wrong with a certificate; null when its content is what was signed, with a key that is trusted. */
export function findFault({ id, signature, ...content }: Signed, keys: Pick<CertificateKeys, 'check'>): string | null {
  if (signature === null) return 'it is not signed';
  if (digestJson(content) !== id) return 'its content is not what its id names';
  switch (keys.check(canonicalJson(content), signature)) {
    case 'good':
      return null;
    case 'unknown_key':
      return `it is signed with key ${signature.key}, which is not among certificates.publicKeys`;
    case 'forged':
      return 'its signature does not fit its content';
  }
}

/** Identifies a set of gates: the same gates in another order of keys are the same. */
export function digestGates(gates: readonly Gate[]): string {
  return digestJson(gates);
}
