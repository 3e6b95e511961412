import type { Config } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { openArtifactBucket } from '../src/promote/artifact-bucket.ts';
import { openArtifactDirectory, type ArtifactStore } from '../src/promote/artifacts.ts';
import { statePaths } from './state-paths.ts';

/** The configured artifact store. Throws `invalid_config` when a key of its bucket is not set. */
export function openArtifacts(
  config: Pick<Config, 'stateDir' | 'artifacts'>,
  secret: (name: string) => string | undefined,
): ArtifactStore {
  const { artifacts: directory } = statePaths(config);
  const { artifacts } = config;
  if (artifacts.kind === 'directory') return openArtifactDirectory(directory);
  const read = (name: string) => {
    const value = secret(name);
    if (value !== undefined) return value;
    throw new RelearnError('invalid_config', `${name} is not set: artifacts.bucket ${artifacts.bucket} wants a key.`);
  };
  const keys = { accessKeyId: read(artifacts.accessKeyEnv), secretAccessKey: read(artifacts.secretKeyEnv) };
  return openArtifactBucket(artifacts, keys, directory);
}
