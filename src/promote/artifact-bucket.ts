import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AwsClient } from 'aws4fetch';
import { errorMessage, RelearnError } from '../errors.ts';
import type { BucketConfig } from './artifact-config.ts';
import { digestFile, openArtifactDirectory, type ArtifactStore } from './artifacts.ts';

export interface BucketKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** For one transfer: an ONNX file has at most 2 GB. */
const timeoutMs = 300_000;
const retries = 4;

/**
 * An artifact store in a bucket of an S3-compatible service, with copies in `directory`. The service checks the digest of
 * what it takes; what it gives is checked here, as is the copy each time. Throws `artifacts_unavailable`.
 */
export function openArtifactBucket(bucket: BucketConfig, keys: BucketKeys, directory: string): ArtifactStore {
  const client = new AwsClient({ ...keys, region: bucket.region, service: 's3', retries });
  const copies = openArtifactDirectory(directory);
  const url = (digest: string) =>
    `${bucket.endpoint.replace(/\/+$/, '')}/${bucket.bucket}/${encodeURI(bucket.prefix)}${digest}`;

  async function send(digest: string, init: RequestInit): Promise<Response> {
    try {
      return await client.fetch(url(digest), { ...init, signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      throw unavailable(bucket, describeCause(error), error);
    }
  }

  async function download(digest: string): Promise<void> {
    const response = await send(digest, {});
    if (response.status === 404) {
      throw new RelearnError(
        'invalid_artifact',
        `Artifact ${digest} is not in bucket ${bucket.bucket}. Is artifacts.prefix the one it was stored under?`,
      );
    }
    if (!response.ok || response.body === null) throw unavailable(bucket, `HTTP ${response.status}`);
    await mkdir(directory, { recursive: true });
    const folder = await mkdtemp(join(directory, 'download-'));
    try {
      const file = join(folder, digest);
      await pipeline(Readable.fromWeb(response.body), createWriteStream(file)).catch((error: unknown) => {
        throw unavailable(bucket, describeCause(error), error);
      });
      const found = await digestFile(file);
      if (found !== digest) {
        throw new RelearnError(
          'invalid_artifact',
          `Artifact ${digest} in bucket ${bucket.bucket} is damaged: its SHA-256 is ${found}. Deploy the version again.`,
        );
      }
      await copies.put(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    async put(file) {
      const digest = await copies.put(file);
      const headers = { 'x-amz-content-sha256': digest };
      const response = await send(digest, { method: 'PUT', body: await readFile(await copies.get(digest)), headers });
      if (!response.ok) throw unavailable(bucket, `HTTP ${response.status}`);
      return digest;
    },
    async get(digest) {
      const copy = await copies.get(digest).catch(() => undefined);
      if (copy !== undefined) return copy;
      await download(digest);
      return copies.get(digest);
    },
  };
}

/** The answer of the service is not quoted: it names keys. */
function unavailable({ endpoint, bucket }: BucketConfig, problem: string, cause?: unknown): RelearnError {
  return new RelearnError(
    'artifacts_unavailable',
    `Bucket ${bucket} at ${endpoint}: ${problem}. Check that it answers, and artifacts.bucket, accessKeyEnv and secretKeyEnv.`,
    { cause },
  );
}

function describeCause(error: unknown): string {
  return errorMessage(error instanceof Error && error.cause instanceof Error ? error.cause : error);
}
