import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { RelearnError } from '../errors.ts';

/** An Ed25519 signature (RFC 8032). */
export interface Signature {
  /** First 16 hex digits of the SHA-256 of the public key (DER). */
  key: string;
  /** base64 */
  value: string;
}

/** The keys that certificates are signed and checked with. */
export interface CertificateKeys {
  /** Signs. Throws `invalid_config` where only public keys are known. */
  sign(text: string): Signature;
  /** Whether the signature is good, and if not, why. */
  check(text: string, signature: Signature): 'good' | 'unknown_key' | 'forged';
  /** Ids of the keys whose signatures are good. */
  readonly trusted: readonly string[];
}

/**
 * Keys as they are configured: the private key that signs as PEM (PKCS 8), more public keys as PEM or the base64 within
 * (SPKI). Former keys go on being good as long as they are listed. Throws `invalid_config`.
 */
export function openCertificateKeys({
  signingKey,
  publicKeys,
}: {
  signingKey?: string | undefined;
  publicKeys: readonly string[];
}): CertificateKeys {
  const own = signingKey === undefined ? undefined : readPrivateKey(signingKey);
  const known = new Map(
    [...(own === undefined ? [] : [createPublicKey(own)]), ...publicKeys.map(readPublicKey)].map(withId),
  );
  if (known.size === 0) {
    throw new RelearnError(
      'invalid_config',
      'No key for gate certificates is known, so no version could be trusted. Set RELEARN_SIGNING_KEY (or certificates.' +
        'signingKeyFile) where versions are deployed and gates run, and certificates.publicKeys elsewhere. ' +
        '(`relearn up` makes a key in its state folder.)',
    );
  }
  return {
    trusted: [...known.keys()],
    sign(text) {
      if (own === undefined) {
        throw new RelearnError(
          'invalid_config',
          'The private key that signs gate certificates is not known here. Set RELEARN_SIGNING_KEY or certificates.signingKeyFile.',
        );
      }
      return { key: keyId(createPublicKey(own)), value: sign(null, Buffer.from(text), own).toString('base64') };
    },
    check(text, { key, value }) {
      const publicKey = known.get(key);
      if (publicKey === undefined) return 'unknown_key';
      return verify(null, Buffer.from(text), publicKey, Buffer.from(value, 'base64')) ? 'good' : 'forged';
    },
  };
}

function readPrivateKey(pem: string): KeyObject {
  return readKey('signing key', 'PEM, as `openssl genpkey -algorithm ed25519` writes it', () => createPrivateKey(pem));
}

function readPublicKey(text: string): KeyObject {
  const base64 = text.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return readKey('key of certificates.publicKeys', 'PEM, or the base64 within', () =>
    createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' }),
  );
}

/** No error names the text: it may be a secret. */
function readKey(what: string, wanted: string, read: () => KeyObject): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    key = undefined;
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new RelearnError('invalid_config', `The ${what} is not an Ed25519 key; wanted ${wanted}.`);
}

function withId(key: KeyObject): [string, KeyObject] {
  return [keyId(key), key];
}

function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex')
    .slice(0, 16);
}
