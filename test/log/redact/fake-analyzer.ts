import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import type { ChainOptions } from '../../../src/log/redact/chain.ts';

const asked = z.object({ text: z.string() });

/**
 * A fake that speaks the protocol of Presidio's analyzer: it takes each of the names for a person. `become` changes what
 * it does: hold its answers back until `release`, or fail.
 */
export async function startFakeAnalyzer(names: readonly string[]) {
  let mood: 'answers' | 'fails' | 'holds' = 'answers';
  let release = (): void => {};
  let released = Promise.resolve();
  const texts: string[] = [];
  const server = createServer((request, response) => {
    void json(request).then(async (body) => {
      const { text } = asked.parse(body);
      texts.push(text);
      await released;
      const status = mood === 'fails' ? 500 : 200;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(findNames(text, names)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it listens on a port');
  const chain: ChainOptions = {
    ...{ url: `http://127.0.0.1:${address.port}`, language: 'en', minScore: 0.5, timeoutSeconds: 60 },
  };
  return {
    chain,
    /** What it was asked about, in order. */
    texts,
    become(next: typeof mood) {
      mood = next;
      if (mood === 'holds') released = new Promise((resolve) => (release = resolve));
    },
    release: () => release(),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Places count code points, as Presidio's do. */
function findNames(text: string, names: readonly string[]) {
  return names.flatMap((name) =>
    [...text.matchAll(new RegExp(name, 'g'))].map(({ index }) => {
      const start = Array.from(text.slice(0, index)).length;
      return { start, end: start + Array.from(name).length, score: 0.9, entity_type: 'PERSON' };
    }),
  );
}
