import { createHash } from 'node:crypto';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import type { ClustersConfig } from './config.ts';

/** Redacted texts to vectors, in order. */
export type Embed = (texts: readonly string[], signal?: AbortSignal) => Promise<number[][]>;

const textsAtOnce = 64;
const patienceMs = 30_000;
/** The same rows are asked for again with each new order. */
const mostCached = 20_000;

const reply = z.object({ data: z.array(z.object({ index: z.number().int(), embedding: z.array(z.number()).min(1) })) });

/**
 * Asks an OpenAI-compatible endpoint for embeddings, 64 texts at a time, each text once. Throws `upstream_failed`, which
 * names no text.
 */
export function createEmbed(
  { url, model, apiKeyEnv }: NonNullable<ClustersConfig['embeddings']>,
  secret: (name: string) => string | undefined,
): Embed {
  const known = new Map<string, number[]>();
  const endpoint = `${url.replace(/\/+$/, '')}/embeddings`;
  const key = apiKeyEnv === undefined ? undefined : secret(apiKeyEnv);

  async function ask(input: readonly string[], signal?: AbortSignal): Promise<number[][]> {
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
    const vectors = parsed.data?.data.sort((a, b) => a.index - b.index).map(({ embedding }) => embedding) ?? [];
    const [first] = vectors;
    if (response.ok && vectors.length === input.length && vectors.every(({ length }) => length === first?.length)) {
      return vectors;
    }
    throw new RelearnError(
      'upstream_failed',
      `The embeddings endpoint answered ${response.status}, wanted ${input.length} vectors of one length.`,
    );
  }

  return async (texts, signal) => {
    const keys = texts.map((text) => createHash('sha256').update(text).digest('base64'));
    const missing = new Map(keys.flatMap((id, index) => (known.has(id) ? [] : [[id, texts[index] ?? '']])));
    const found = new Map(keys.flatMap((id) => [[id, known.get(id)] as const]));
    const waiting = [...missing];
    for (let start = 0; start < waiting.length; start += textsAtOnce) {
      const part = waiting.slice(start, start + textsAtOnce);
      const vectors = await ask(
        part.map(([, text]) => text || ' '), // endpoints refuse an empty text
        signal,
      );
      for (const [index, [id]] of part.entries()) {
        found.set(id, vectors[index]);
        known.set(id, vectors[index] ?? []);
      }
    }
    for (const id of known.keys()) {
      if (known.size <= mostCached) break;
      known.delete(id);
    }
    return keys.map((id) => found.get(id) ?? []);
  };
}
