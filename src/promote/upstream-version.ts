import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ModelConfig } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { digestJson } from '../gate/canonical-json.ts';
import type { Version } from './registry.ts';

export type UpstreamConfig = Extract<ModelConfig['serve'], { kind: 'upstream' }>;

/** What the registry keeps of an upstream version. Versions of earlier releases may lack each of these. */
const upstreamMetadata = z.object({
  /** Left out: the configured one. A retrained version is another model of the same endpoint. */
  upstreamModel: z.string().min(1).optional(),
  /** Where a vLLM finds its adapter. */
  loraPath: z.string().min(1).optional(),
  endpointOrigin: z.string().optional(),
  endpointSha256: z.string().optional(),
});

export type UpstreamMetadata = z.output<typeof upstreamMetadata>;

export function readUpstream({ metadata }: Pick<Version, 'metadata'>): UpstreamMetadata {
  return upstreamMetadata.safeParse(metadata).data ?? {};
}

/** Names an endpoint: its origin for people, the rest as SHA-256, since paths hold keys at times. User, password and query are left out. */
export function nameEndpoint(url: string): { endpointOrigin: string; endpointSha256: string } {
  const { origin, pathname } = new URL(url);
  const base = `${origin}${pathname.replace(/\/$/, '')}`;
  return { endpointOrigin: origin, endpointSha256: createHash('sha256').update(base).digest('hex') };
}

/** SHA-256 of which model of which endpoint a version is, as canonical JSON; null for a file. */
export function digestUpstream({ kind, metadata }: Pick<Version, 'kind' | 'metadata'>): string | null {
  if (kind === 'onnx') return null;
  const { upstreamModel = null, loraPath = null, endpointSha256 = null } = readUpstream({ metadata });
  return digestJson({ upstreamModel, loraPath, endpointSha256 });
}

/** How the configuration serves an upstream version. Throws `invalid_config` when it names no endpoint, or another one. */
export function requireUpstream(
  { model, version, metadata }: Pick<Version, 'model' | 'version' | 'metadata'>,
  serve: ModelConfig['serve'],
): UpstreamConfig {
  if (serve.kind !== 'upstream') {
    throw new RelearnError(
      'invalid_config',
      `Version ${version} of ${model} is an upstream. Set serve.kind to upstream and give its url.`,
    );
  }
  const { endpointSha256, endpointOrigin } = readUpstream({ metadata });
  if (endpointSha256 === undefined || endpointSha256 === nameEndpoint(serve.url).endpointSha256) return serve;
  throw new RelearnError(
    'invalid_config',
    `Version ${version} of ${model} was registered for another endpoint, at ${endpointOrigin ?? 'an unknown host'}, than serve.url names. ` +
      'Run `relearn migrate` to give the configured endpoint a version, or set serve.url back; `relearn deploy --version` lets any version of it serve.',
  );
}

/** Throws `invalid_config` for an upstream version that the configuration cannot serve. Without `serve` nothing is known. */
export function requireServable(version: Version, serve: ModelConfig['serve'] | undefined): void {
  if (version.kind === 'upstream' && serve !== undefined) requireUpstream(version, serve);
}
