import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { clustersResponse } from '../../src/http/cluster-schemas.ts';
import { storeFound } from '../../src/watch/clusters/found.ts';
import { openReviews } from '../../src/watch/clusters/found.ts';
import { eventually } from '../until.ts';
import { attack, noBrowser, openBrowser, openPage, seriousViolations, signIn } from './fixtures.ts';
import { startTestConsole, type TestConsole } from './fixtures.ts';

let server: TestConsole;
let browser: Browser;
const pictures = process.env['RELEARN_SCREENSHOTS'];
const inBrowser = { skip: noBrowser };
const members = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `r${from + n}`);
const parcels = { terms: ['parcel', 'lost', 'courier', 'tracking', 'depot'], state: 'growing' as const };

before(async () => {
  server = await startTestConsole({ cards: 40 });
  browser = noBrowser === false ? await openBrowser() : browser;
});
after(async () => {
  if (noBrowser === false) await browser.close();
  await server.close();
});

test('before the first cluster the page says when clusterWatch looks and what fills it', inBrowser, async () => {
  const { context, page, errors } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('view'));
  await page.goto(`${server.url}/#/clusters/mail`);
  await page.getByText('Every hour, clusterWatch groups what probably failed in the last 7 days').waitFor();
  await page.getByText('10 rows that are alike make a cluster').waitFor();
  if (pictures !== undefined) {
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: `${pictures}/clusters-empty.png` });
  }
  assert.deepEqual(errors, []);
  await context.close();
});

test('clusters come with their sizes at each look, examples, and a size of none once they are resolved', async () => {
  const { db } = server;
  const look = async (run: string, groups: Parameters<typeof storeFound>[2]) => {
    await storeFound(db, { model: 'mail', run }, groups);
    await db.query(`update relearn.cluster_sizes set at = at - interval '1 hour'`);
  };
  const first = { key: null, state: 'new' as const };
  await look('1', {
    groups: [
      { ...parcels, ...first, members: members(3, 30) },
      { ...first, terms: [attack, 'link'], members: members(0, 3) },
      { ...first, terms: ['gone'], members: members(100, 103) },
    ],
    resolved: [],
  });
  for (const [n, size] of [38, 47, 44, 61, 80].entries()) {
    await look(`${n + 2}`, {
      groups: [
        { ...parcels, key: 'cluster/1', members: members(3, size) },
        { key: 'cluster/2', state: 'stable', terms: [attack, 'link'], members: members(0, 3) },
      ],
      resolved: ['cluster/3'],
    });
  }
  await openReviews(db, { model: 'mail', reviewAt: 30 });
  const headers = { authorization: `Bearer ${await server.makeKey('view')}` };
  const response = await server.app.inject({ url: '/api/clusters?model=mail', headers });
  const { clusters } = clustersResponse.parse(response.json());
  assert.deepEqual(
    clusters.map(({ tag, state, sizes }) => ({ tag, state, sizes: sizes.map(({ rows }) => rows) })),
    [
      { tag: 'cluster/1', state: 'growing', sizes: [27, 35, 44, 41, 58, 77] },
      { tag: 'cluster/2', state: 'stable', sizes: [3, 3, 3, 3, 3, 3] },
      { tag: 'cluster/3', state: 'resolved', sizes: [3, 0] },
    ],
  );
  assert.equal(clusters[0]?.examples.length, 3);
  assert.equal(clusters[0].under_review, true);
});

test(
  'a reviewer goes from a cluster to its review and to its rows, and tags them; a viewer looks',
  inBrowser,
  async () => {
    const { context, page, errors } = await openPage(browser, server.url);
    await signIn(page, await server.makeKey('review'));
    await page.goto(`${server.url}/#/clusters/mail`);
    const panel = page.getByRole('region', { name: 'parcel, lost, courier' });
    await panel.getByText('0 of 50 corrected rows until a retrain').waitFor();
    assert.equal(
      await panel.getByRole('link', { name: 'Review these' }).getAttribute('href'),
      '#/review/mail?cluster=cluster%2F1',
    );
    await panel.getByRole('button', { name: 'Tag these…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Tag what is filtered' });
    await dialog.getByLabel('Tag', { exact: true }).fill('couriers');
    await dialog.getByRole('button', { name: 'Tag 77 rows' }).click();
    await panel.getByText('77 rows changed.').waitFor();
    await panel.getByRole('link', { name: 'In the log' }).click();
    await page.getByText('77 rows', { exact: true }).waitFor();
    await eventually(() => page.locator('.log-line').getByText('couriers').count(), 50);
    assert.equal(await page.evaluate('window.hacked'), undefined);
    assert.deepEqual(errors, []);
    await context.close();

    const viewer = await openPage(browser, server.url);
    await signIn(viewer.page, await server.makeKey('view'));
    await viewer.page.goto(`${server.url}/#/clusters/mail`);
    await viewer.page.getByRole('link', { name: 'In the log' }).first().waitFor();
    assert.equal(await viewer.page.getByText('Review these').count(), 0);
    assert.equal(await viewer.page.getByRole('button', { name: 'Tag these…' }).count(), 0);
    await viewer.context.close();
  },
);

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `clusters have no serious fault for axe and do not scroll sideways, ${colorScheme}, ${width} px`,
      inBrowser,
      async () => {
        const size = { colorScheme, viewport: { width, height: 900 } };
        const { context, page, errors } = await openPage(browser, server.url, size);
        await signIn(page, await server.makeKey('review'));
        await page.goto(`${server.url}/#/clusters/mail`);
        await page.locator('.sizes svg').first().waitFor();
        assert.deepEqual(await seriousViolations(page), []);
        assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false);
        if (pictures !== undefined) {
          await page.screenshot({ path: `${pictures}/clusters-${colorScheme}-${width}.png` });
        }
        assert.deepEqual(errors, []);
        await context.close();
      },
    );
  }
}
