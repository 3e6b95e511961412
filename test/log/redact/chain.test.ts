import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { json } from 'node:stream/consumers';
import { createRedactor, type Redacted } from '../../../src/log/redact/index.ts';

/** A fake that speaks the protocol of Presidio's analyzer: it answers what it is told. */
async function withAnalyzer(
  t: TestContext,
  answer: { status?: number; body: string },
): Promise<{ chain: (text: string) => Promise<Redacted>; asked: unknown[]; paths: unknown[] }> {
  const asked: unknown[] = [];
  const paths: unknown[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    void json(request).then((body) => {
      asked.push(body);
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  assert.ok(isAddress(address));
  const url = `http://127.0.0.1:${address.port}/`;
  const { chain } = createRedactor({
    chain: { url, language: 'en', minScore: 0.4, timeoutSeconds: 60, entities: ['PERSON'] },
  });
  assert.ok(chain);
  return { chain, asked, paths };
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

const finding = (start: number, end: number, entity_type: string, score = 0.9) => ({ start, end, score, entity_type });

test('what the analyzer finds is replaced, counted in code points', async (t) => {
  const body = JSON.stringify([finding(2, 5, 'PERSON'), finding(10, 16, 'UK_NHS'), finding(17, 21, 'DATE_TIME', 0.1)]);
  const { chain, asked, paths } = await withAnalyzer(t, { body });
  assert.deepEqual(await chain('😀 Bob has 123456 2024'), {
    text: '😀 [PERSON] has [GOV_ID] 2024',
    found: { PERSON: 1, GOV_ID: 1 },
  });
  assert.deepEqual(paths, ['/analyze']);
  assert.deepEqual(asked, [
    { text: '😀 Bob has 123456 2024', language: 'en', score_threshold: 0.4, entities: ['PERSON'] },
  ]);
});

test('marks of our own stay, whatever the analyzer takes them for', async (t) => {
  const text = 'Bob [EMAIL] Smith [SSN]';
  const body = JSON.stringify([finding(0, 17, 'PERSON'), finding(18, 23, 'ORGANIZATION')]);
  const { chain } = await withAnalyzer(t, { body });
  assert.equal((await chain(text)).text, '[PERSON][EMAIL][PERSON] [SSN]');
});

for (const [name, answer] of Object.entries({
  'an error': { status: 500, body: '{"error":"canary"}' },
  'no JSON': { body: 'canary' },
  'no list': { body: '{"canary":1}' },
  'a finding without a place': { body: '[{"entity_type":"PERSON","score":1}]' },
})) {
  test(`${name} for an answer fails closed and quotes nothing`, async (t) => {
    const { chain } = await withAnalyzer(t, answer);
    await assert.rejects(chain('canary text'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'redactor_unavailable');
      assert.doesNotMatch(`${error.message}${String(error.cause)}`, /canary/);
      return true;
    });
  });
}

test('an analyzer that is not there fails closed', async () => {
  const chain = { url: 'http://127.0.0.1:1', language: 'en', minScore: 0.5, timeoutSeconds: 1 };
  await assert.rejects(async () => createRedactor({ chain }).chain?.('text'), { code: 'redactor_unavailable' });
});
