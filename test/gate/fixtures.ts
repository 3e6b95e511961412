import { generateKeyPairSync } from 'node:crypto';
import { openCertificateKeys } from '../../src/gate/certificate-keys.ts';
import type { CertificateContent } from '../../src/gate/certificate.ts';

/** A fresh Ed25519 key and what opens with it. */
export function newKeys(publicKeys: readonly string[] = []) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signingKey = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const publicPem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return { signingKey, publicPem, keys: openCertificateKeys({ signingKey, publicKeys }) };
}

/** What a certificate without gates states. */
export function incumbentOf(more: Partial<CertificateContent> = {}): CertificateContent {
  return {
    ...{ model: 'mail', version: 'v1', kind: 'incumbent', passed: true, artifact: 'ab', dataset: null },
    ...{ manifestSha256: null, champion: null, packSha256: null, packUses: null, casesSha256: null },
    ...{ gatesSha256: null, gates: [], slices: [], test: 'none', verdict: null, approvedBy: null },
    ...{ issuedAt: '2026-05-04T12:00:00.000Z', ...more },
  };
}
