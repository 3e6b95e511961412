import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { createEmbed } from '../../../src/watch/clusters/embed.ts';

/** A fake embeddings endpoint that speaks the real protocol. */
let answer = (input: string[]): { status: number; body: string } => ({
  status: 200,
  body: JSON.stringify({ data: input.map((text, index) => ({ index, embedding: [text.length, 1] })).reverse() }),
});
const asked: { input: string[]; key: string | undefined }[] = [];
const request = z.object({ model: z.literal('small'), input: z.array(z.string()) });
const server = createServer((incoming, response) => {
  let body = '';
  incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
  incoming.on('end', () => {
    const { input } = request.parse(JSON.parse(body));
    asked.push({ input, key: incoming.headers.authorization });
    const { status, body: sent } = answer(input);
    response.writeHead(status, { 'content-type': 'application/json' }).end(sent);
  });
});
let url: string;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  url = `http://127.0.0.1:${address.port}/v1`;
});
after(() => new Promise((resolve) => server.close(resolve)));

const create = () => createEmbed({ url, model: 'small', apiKeyEnv: 'KEY' }, () => 'a-key');

test('each text is asked for once, in batches, and vectors come in the order of the texts', async () => {
  const embed = create();
  const texts = Array.from({ length: 130 }, (_, index) => 'x'.repeat(1 + (index % 100)));
  const vectors = await embed(texts);
  assert.deepEqual(
    vectors.map(([length]) => length),
    texts.map(({ length }) => length),
  );
  assert.deepEqual(
    asked.map(({ input }) => input.length),
    [64, 36],
  );
  assert.equal(asked[0]?.key, 'Bearer a-key');
  await embed(texts);
  assert.equal(asked.length, 2);
});

test('an endpoint that fails, or answers something else, fails without the text', async () => {
  const embed = create();
  const failing = [
    { status: 500, body: 'no' },
    { status: 200, body: '{"data":[]}' },
    { status: 200, body: 'xylocanary' },
  ];
  for (const failure of failing) {
    answer = () => failure;
    await assert.rejects(embed(['xylocanary']), (error: Error) => {
      assert.match(error.message, /embeddings endpoint answered/);
      assert.ok(!error.message.includes('xylocanary'));
      return true;
    });
  }
});
