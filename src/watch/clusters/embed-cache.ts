import { createHash } from 'node:crypto';

/** Redacted texts to vectors, in order, all of one length. */
export type Embed = (texts: readonly string[], signal?: AbortSignal) => Promise<Float32Array[]>;

/** What is opened to embed texts, and closed after. */
export interface Embedder {
  embed: Embed;
  close(): Promise<void>;
}

/** The same rows are asked for again with each new order. */
const mostCached = 20_000;

/**
 * Embeds each text once, `atOnce` at a time, and keeps the vectors of the latest 20,000: an attempt that was broken off
 * goes on where it was. `open` is called only when a text is not known yet.
 */
export function cacheEmbeddings(open: () => Promise<Embedder>, atOnce: number): Embed {
  const known = new Map<string, Float32Array>();

  async function embedMissing(missing: ReadonlyMap<string, string>, signal?: AbortSignal): Promise<void> {
    const embedder = await open();
    try {
      const waiting = [...missing];
      for (let start = 0; start < waiting.length; start += atOnce) {
        signal?.throwIfAborted();
        const part = waiting.slice(start, start + atOnce);
        const vectors = await embedder.embed(
          part.map(([, text]) => text),
          signal,
        );
        for (const [index, [id]] of part.entries()) known.set(id, vectors[index] ?? new Float32Array());
      }
    } finally {
      await embedder.close();
    }
  }

  return async (texts, signal) => {
    const ids = texts.map((text) => createHash('sha256').update(text).digest('base64'));
    const missing = new Map(ids.flatMap((id, index) => (known.has(id) ? [] : [[id, texts[index] ?? '']])));
    if (missing.size > 0) await embedMissing(missing, signal);
    const found = ids.map((id) => known.get(id) ?? new Float32Array());
    for (const id of known.keys()) {
      if (known.size <= mostCached) break;
      known.delete(id);
    }
    return found;
  };
}
