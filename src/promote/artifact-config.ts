import { z } from 'zod';

const name = z.string().min(1);

/** Where the files of trained versions are kept. */
export const artifactsConfig = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('directory') }).describe('in stateDir, which gateways and workers then share'),
    z
      .strictObject({
        kind: z.literal('s3'),
        endpoint: z.url().describe('such as https://s3.eu-central-1.amazonaws.com; buckets are named in the path'),
        bucket: name,
        prefix: z.string().default('').describe('put before the name of each object, such as relearn/'),
        region: name.default('us-east-1'),
        accessKeyEnv: name.default('AWS_ACCESS_KEY_ID').describe('environment variable with the id of the access key'),
        secretKeyEnv: name.default('AWS_SECRET_ACCESS_KEY').describe('environment variable with the secret key'),
      })
      .describe('in a bucket of any S3-compatible store; stateDir keeps copies'),
  ])
  .default({ kind: 'directory' });

export type ArtifactsConfig = z.output<typeof artifactsConfig>;
export type BucketConfig = Extract<ArtifactsConfig, { kind: 's3' }>;
