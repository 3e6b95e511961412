import type { Config, ModelConfig } from '../config.ts';
import { RelearnError } from '../errors.ts';
import type { ArtifactStore } from '../promote/artifacts.ts';
import type { Version } from '../promote/registry.ts';
import { readUpstream, requireUpstream } from '../promote/upstream-version.ts';
import type { ServedModel } from './model.ts';
import { holdModel, type Loaded } from './serving.ts';
import { loadLoraAdapter } from './load-lora.ts';
import { createUpstreamModel } from './upstream.ts';

export interface LoadOptions {
  artifacts: ArtifactStore;
  models: Config['models'];
  /** Loads an artifact that has been checked, such as `loadOnnxModel`. */
  load: (path: string, version: string) => Promise<ServedModel>;
  /** The key of an upstream, by the name of the environment variable the config gives. */
  secret: (name: string) => string | undefined;
}

/** Without calibration: a classifier below one half, or an LLM's sum over tokens below -3. */
const uncalibrated = { onnx: Math.log(0.5), upstream: -3 };

/** Loads a version of the registry. Throws `invalid_artifact`, or `invalid_config` when the config serves it otherwise. */
export async function loadRegistered(options: LoadOptions, version: Version, since: Date): Promise<Loaded> {
  const config = options.models[version.model];
  if (config === undefined) {
    throw new RelearnError('model_not_found', `Model ${version.model} is not in the config.`);
  }
  const served = await openVersion(options, config, version);
  return holdModel(served, {
    model: version.model,
    lowConfidenceBelow: lowConfidenceThreshold(config, version),
    // A reservoir is drawn later, from `recent`.
    healthyRate: config.sampling.reservoirPerHour === undefined ? config.sampling.healthyRate : 0,
    since,
  });
}

async function openVersion(options: LoadOptions, config: ModelConfig, version: Version): Promise<ServedModel> {
  if (version.kind === 'onnx') {
    if (version.artifact === null) {
      throw new RelearnError('invalid_artifact', `Version ${version.version} of ${version.model} has no artifact.`);
    }
    return options.load(await options.artifacts.get(version.artifact), version.version);
  }
  const { url, upstreamModel, apiKeyEnv, timeoutSeconds, retries, lora } = requireUpstream(version, config.serve);
  const { upstreamModel: name = upstreamModel, loraPath } = readUpstream(version);
  const apiKey = apiKeyEnv === undefined ? undefined : options.secret(apiKeyEnv);
  if (lora && loraPath !== undefined) await loadLoraAdapter(url, { name, path: loraPath, apiKey });
  return createUpstreamModel(
    { url, upstreamModel: name, apiKey, timeoutMs: timeoutSeconds * 1000, retries },
    version.version,
  );
}

/** The log-probability below which an answer of this version is low-confidence (natural log). */
export function lowConfidenceThreshold(config: ModelConfig, version: Version): number {
  const configured = config.sampling.lowConfidenceBelow;
  if (configured !== 'calibrated') return configured;
  return version.lowConfidenceBelow ?? uncalibrated[version.kind];
}
