import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { noBrowser, openBrowser, openPage, signIn, startTestConsole, type TestConsole } from './fixtures.ts';

const urls = z.array(z.string());
let server: TestConsole;
before(async () => {
  server = await startTestConsole({ cards: 1 });
});
after(() => server.close());

const load = (url: string, encoding?: string) =>
  server.app.inject({ url, headers: encoding === undefined ? {} : { 'accept-encoding': encoding } });

/** The addresses of the page and of the script that it starts with. */
async function firstFiles(): Promise<string[]> {
  const script = /src="(\/assets\/[^"]+\.js)"/.exec((await load('/')).body)?.[1];
  assert.ok(script);
  return ['/', script];
}

test('a file is sent compressed to who takes that and plain to who does not, each with its own tag', async () => {
  for (const url of await firstFiles()) {
    const plain = await load(url);
    const [gzip, brotli] = [await load(url, 'gzip'), await load(url, 'gzip, deflate, br, zstd')];
    const sent = [plain, gzip, brotli];
    assert.deepEqual(
      sent.map(({ statusCode, headers }) => [statusCode, headers['content-encoding']]),
      [
        [200, undefined],
        [200, 'gzip'],
        [200, 'br'],
      ],
    );
    assert.equal(gunzipSync(gzip.rawPayload).toString(), plain.body);
    assert.equal(brotliDecompressSync(brotli.rawPayload).toString(), plain.body);
    assert.equal(new Set(sent.map(({ headers }) => headers.etag)).size, 3);
    for (const { headers } of sent) {
      assert.equal(headers.vary, 'accept-encoding');
      assert.match(headers['content-security-policy'] ?? '', /^default-src 'none'/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['content-type'], plain.headers['content-type']);
      assert.equal(headers['cache-control'], plain.headers['cache-control']);
    }
  }
});

test('the first load of the overview moves less than 300 kB with gzip', { skip: noBrowser }, async () => {
  const browser = await openBrowser();
  const { context, page } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('view'));
  await page.locator('.recharts-line-curve, .recharts-area-curve').first().waitFor();
  const loaded = await page.evaluate('performance.getEntriesByType("resource").map(({ name }) => name)');
  await context.close();
  await browser.close();
  const files = urls.parse(loaded).map((name) => new URL(name).pathname);
  const assets = files.filter((path) => path.startsWith('/assets/'));
  assert.ok(assets.length > 5, files.join(' '));
  const sizes = await Promise.all(['/', ...assets].map(async (url) => (await load(url, 'gzip')).rawPayload.length));
  const sum = sizes.reduce((one, other) => one + other, 0);
  assert.ok(sum < 300_000, `${sum} bytes`);
});
