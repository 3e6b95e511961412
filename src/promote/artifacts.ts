import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RelearnError } from '../errors.ts';

/** Files by the SHA-256 of their content. What was put once never changes. */
export interface ArtifactStore {
  /** Takes a copy of `file` and returns its digest. Putting the same content twice is one file. */
  put(file: string): Promise<string>;
  /** A local path whose content has this digest, checked now. Throws `invalid_artifact`. */
  get(digest: string): Promise<string>;
}

/** An artifact store in a directory that gateways and workers share. */
export function openArtifactDirectory(directory: string): ArtifactStore {
  return {
    async put(file) {
      const digest = await digestFile(file);
      await mkdir(directory, { recursive: true });
      const target = join(directory, digest);
      const partial = `${target}.${process.pid}.${Date.now()}.partial`;
      try {
        await copyFile(file, partial);
        await rename(partial, target);
      } finally {
        await rm(partial, { force: true });
      }
      return digest;
    },
    async get(digest) {
      const path = join(directory, digest);
      const found = await digestFile(path).catch(() => undefined);
      if (found === digest) return path;
      throw new RelearnError(
        'invalid_artifact',
        found === undefined
          ? `Artifact ${digest} is not in ${directory}. Gateways and workers must share one artifact directory.`
          : `Artifact ${digest} in ${directory} is damaged: its SHA-256 is ${found}. Deploy the version again.`,
      );
    },
  };
}

/** SHA-256 of a file, in hex. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
