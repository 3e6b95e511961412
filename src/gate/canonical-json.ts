import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** The value as canonical JSON (RFC 8785): equal values have equal text. Throws for what JSON cannot hold. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('undefined has no JSON');
  return text;
}

/** SHA-256 of the canonical JSON, in hex. */
export function digestJson(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
