import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import type { ClustersConfig } from './config.ts';
import { cacheEmbeddings, type Embed } from './embed-cache.ts';

const textsAtOnce = 64;
const patienceMs = 30_000;

const reply = z.object({ data: z.array(z.object({ index: z.number().int(), embedding: z.array(z.number()).min(1) })) });

/**
 * Asks an OpenAI-compatible endpoint for embeddings, 64 texts at a time, each text once. Throws `upstream_failed`, which
 * names no text.
 */
export function createEmbed(
  { url, model, apiKeyEnv }: NonNullable<ClustersConfig['embeddings']>,
  secret: (name: string) => string | undefined,
): Embed {
  const endpoint = `${url.replace(/\/+$/, '')}/embeddings`;
  const key = apiKeyEnv === undefined ? undefined : secret(apiKeyEnv);

  async function ask(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const input = texts.map((text) => text || ' '); // endpoints refuse an empty text
    const patience = AbortSignal.timeout(patienceMs);
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ model, input }),
      signal: signal === undefined ? patience : AbortSignal.any([patience, signal]),
    }).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new RelearnError('upstream_failed', 'The embeddings endpoint did not answer.', { cause });
    });
    const body: unknown = await response.json().catch(() => undefined);
    const parsed = reply.safeParse(body);
    const vectors =
      parsed.data?.data.sort((a, b) => a.index - b.index).map(({ embedding }) => Float32Array.from(embedding)) ?? [];
    const [first] = vectors;
    if (response.ok && vectors.length === input.length && vectors.every(({ length }) => length === first?.length)) {
      return vectors;
    }
    throw new RelearnError(
      'upstream_failed',
      `The embeddings endpoint answered ${response.status}, wanted ${input.length} vectors of one length.`,
    );
  }

  return cacheEmbeddings(() => Promise.resolve({ embed: ask, close: () => Promise.resolve() }), textsAtOnce);
}
