import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { until } from '../until.ts';
import { attack, confirm, noBrowser, openBrowser, openPage, seriousViolations, signIn, visit } from './fixtures.ts';
import { startTestConsole, type TestConsole } from './fixtures.ts';

let server: TestConsole;
let browser: Browser;
const pictures = process.env['RELEARN_SCREENSHOTS'];

before(async () => {
  if (noBrowser !== false) return;
  server = await startTestConsole({ cards: 30 });
  browser = await openBrowser();
});
after(async () => {
  if (noBrowser !== false) return;
  await browser.close();
  await server.close();
});

const inBrowser = { skip: noBrowser };
const card = (page: Page) => page.getByRole('article', { name: 'Card' });
const requestOf = (page: Page) => card(page).getAttribute('data-request');

async function decide(page: Page, name: string, reason: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).first().click();
  await confirm(page, name, reason);
}

test(
  'an operator signs in, corrects twenty rows by keyboard alone, sees the progress, retrains, approves and rolls back',
  inBrowser,
  async () => {
    const { context, page, errors } = await openPage(browser, server.url);
    await signIn(page, await server.makeKey('operate'));
    await page.goto(`${server.url}/#/review/mail`);
    await page.getByText('0 of 100').waitFor();

    const text = await card(page).innerText();
    assert.ok(text.includes(attack), 'markup stays text');
    assert.equal(await page.evaluate('window.hacked'), undefined);

    const { keyboard } = page;
    let corrected = 0;
    const correct = async (send = 'Enter') => {
      const before = await requestOf(page);
      await keyboard.press('e');
      await keyboard.type('complaint');
      await keyboard.press(send);
      await page.locator(`article:not([data-request="${before}"])`).waitFor();
      corrected += 1;
    };
    for (let n = 0; n < 20; n += 1) await correct();
    await page.getByText('20 of 100').waitFor();

    const next = await requestOf(page);
    await keyboard.press('u');
    await page.getByText('19 of 100').waitFor();
    await page.locator(`article:not([data-request="${next}"])`).waitFor();
    corrected -= 1;

    const fold = page.getByRole('checkbox', { name: /^Answer the/ });
    while ((await fold.count()) === 0) await correct();
    const alike = page.locator('.fold li');
    corrected += await alike.count();
    await correct('Shift+Enter');
    await page.getByText(`${corrected} of 100`).waitFor();
    await keyboard.press('s');
    await page.getByText('Skipped').waitFor();
    await card(page).waitFor(); // the hand may have been empty
    await keyboard.press('x');
    await page.getByText('Taken out of the queue').waitFor();

    await page.goto(`${server.url}/#/incidents/i1`);
    await decide(page, 'Retrain now', 'write to ann@example.com');
    await page.goto(`${server.url}/#/versions/mail`);
    await decide(page, 'Approve', 'better');
    await decide(page, 'Roll back', 'worse');
    assert.deepEqual(server.asked, [
      'retrainNow ann: write to [EMAIL]',
      'approve 1 ann: better',
      'rollback ann: worse',
    ]);

    assert.deepEqual(errors, []);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Your key').waitFor();
    await context.close();
  },
);

test(
  'the next card is in the page before the server has heard of the last answer, and an undelivered answer comes back with its text',
  inBrowser,
  async () => {
    const { context, page } = await openPage(browser, server.url);
    await signIn(page, await server.makeKey('review'));
    await page.goto(`${server.url}/#/review/mail`);
    await card(page).waitFor();
    const first = await requestOf(page);
    let held: (() => void) | undefined;
    await page.route('**/api/review/answer', (route) => (held = () => void route.abort()));
    await page.keyboard.press('e');
    await page.keyboard.type('lost on the way');
    await page.keyboard.press('Enter');
    await page.locator(`article:not([data-request="${first}"])`).waitFor();
    const release = await until('the answer is on its way', () => Promise.resolve(held));
    release();
    await page.locator(`article[data-request="${first}"]`).waitFor();
    await page.getByText('The server does not answer').waitFor();
    assert.equal(await page.getByLabel('Your answer').inputValue(), 'lost on the way');
    await page.unroute('**/api/review/answer');
    await page.keyboard.press('Enter');
    await page.locator(`article:not([data-request="${first}"])`).waitFor();
    await page.getByText('Answered.').waitFor();
    await context.close();
  },
);

test('a draft outlives a reload, and the browser keeps it redacted', inBrowser, async () => {
  const { context, page } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('review'));
  await page.goto(`${server.url}/#/review/mail`);
  await card(page).waitFor();
  await page.keyboard.press('e');
  await page.keyboard.type('ask bob@example.com');
  await page.getByText('draft kept').waitFor();
  const kept = String(await page.evaluate('JSON.stringify(localStorage)'));
  assert.match(kept, /ask \[EMAIL\]/);
  assert.doesNotMatch(kept, /bob@/);
  await page.reload();
  await card(page).waitFor();
  assert.equal(await page.getByLabel('Your answer').inputValue(), 'ask [EMAIL]');
  await context.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `no page has a serious fault for axe or scrolls sideways, ${colorScheme}, ${width} px wide`,
      inBrowser,
      async () => {
        const size = { colorScheme, viewport: { width, height: 800 } };
        const { context, page, errors } = await openPage(browser, server.url, size);
        assert.deepEqual(await seriousViolations(page), []);
        await signIn(page, await server.makeKey('operate'));
        const headings = {
          overview: 'Overview',
          'review/mail': 'Review mail',
          incidents: 'Incidents',
          'incidents/i1': 'mail: gold',
          'versions/mail': 'Versions of mail',
        };
        for (const [place, heading] of Object.entries(headings)) {
          await visit(page, `${server.url}/#/${place}`, heading);
          if (place === 'review/mail') await card(page).waitFor();
          assert.deepEqual(await seriousViolations(page), [], place);
          assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, place);
          if (pictures !== undefined) {
            await mkdir(pictures, { recursive: true });
            await page.screenshot({ path: `${pictures}/${place.replace('/', '-')}-${colorScheme}-${width}.png` });
          }
        }
        assert.deepEqual(errors, []);
        await context.close();
      },
    );
  }
}

test('what a viewer may not do is not offered', inBrowser, async () => {
  const { context, page } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('view'));
  await page.goto(`${server.url}/#/incidents/i1`);
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Close incident' }).count(), 0);
  await page.goto(`${server.url}/#/review/mail`);
  await page.getByText('Your key may look, not review').waitFor();
  await context.close();
});
