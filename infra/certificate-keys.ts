import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { openCertificateKeys, type CertificateKeys } from '../src/gate/certificate-keys.ts';
import type { Environment } from './environment.ts';
import { writeOnce } from './hash-key.ts';

/**
 * The keys that gate certificates are signed and checked with: the private one from the environment variable or file
 * that the configuration names, else from the state folder; and `certificates.publicKeys`. Throws `invalid_config` when
 * there is none at all.
 */
export async function readCertificateKeys(config: Config, secret: Environment['secret']): Promise<CertificateKeys> {
  const { signingKeyEnv, signingKeyFile, publicKeys } = config.certificates;
  const signingKey = secret(signingKeyEnv) ?? (await readKeyFile(signingKeyFile ?? keyFile(config), signingKeyFile));
  return openCertificateKeys({ signingKey, publicKeys });
}

/** As `readCertificateKeys`, but makes a private key where none is configured. It must outlive what it has signed. */
export async function readOrMakeCertificateKeys(
  config: Config,
  secret: Environment['secret'],
): Promise<CertificateKeys> {
  const { signingKeyEnv, signingKeyFile } = config.certificates;
  if (secret(signingKeyEnv) === undefined && signingKeyFile === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await mkdir(config.stateDir, { recursive: true });
    await writeOnce(keyFile(config), privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  }
  return readCertificateKeys(config, secret);
}

const keyFile = ({ stateDir }: Config) => join(stateDir, 'signing-key.pem');

/** A file that the configuration names must be there; that of the state folder may be missing. */
async function readKeyFile(file: string, configured: string | undefined): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (configured === undefined) return undefined;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new RelearnError('invalid_config', `Cannot read certificates.signingKeyFile, ${file} (${code}).`);
  }
}
