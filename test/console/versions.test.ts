import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually } from '../until.ts';
import { confirm, noBrowser, openBrowser, openPage, seriousViolations, signIn, visit } from './fixtures.ts';
import { startVersionsConsole, type VersionsConsole } from './versions-fixtures.ts';

let server: VersionsConsole;
let browser: Browser;
const pictures = process.env['RELEARN_SCREENSHOTS'];

before(async () => {
  if (noBrowser !== false) return;
  server = await startVersionsConsole();
  browser = await openBrowser();
});
after(async () => {
  if (noBrowser !== false) return;
  await browser.close();
  await server.close();
});

const inBrowser = { skip: noBrowser };
const dots = (page: Page) => page.locator('.dots .recharts-scatter-symbol');

/** Elements that reach beyond the window, for who has to mend it. */
const tooWide = `[...document.querySelectorAll('main *')].filter((each) => each.getBoundingClientRect().right > innerWidth)
  .map((each) => each.tagName + '.' + each.getAttribute('class')).join(' ')`;

/** Opens a decision's dialog and answers what it says will happen. */
async function whatHappens(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name, exact: true }).first().click();
  return page.getByRole('dialog', { name }).innerText();
}

test(
  'an operator reads what a decision will do before it is taken: approve, roll back, promote',
  inBrowser,
  async () => {
    const { context, page, errors } = await openPage(browser, server.url);
    await signIn(page, await server.makeKey('operate'));
    await page.goto(`${server.url}/#/versions/mail`);
    const approval = await whatHappens(page, 'Approve');
    assert.match(
      approval,
      /lets v7 answer 5 %, 25 % of the requests, each for 30 min, then all of them; v2 answers the rest/,
    );
    await confirm(page, 'Approve', 'better');
    assert.match(
      await whatHappens(page, 'Roll back'),
      /answers with v1 again, which served before v2\..*\n.*not tried again/,
    );
    await confirm(page, 'Roll back', 'odd');
    await page.getByRole('link', { name: 'v6' }).click();
    assert.match(await whatHappens(page, 'Promote'), /Its gates compared it with v1, not with v2, which serves now/);
    await confirm(page, 'Promote', 'wanted');
    assert.deepEqual(server.asked.slice(-3), ['approve 6 ann: better', 'rollback ann: odd', 'promote v6 ann: wanted']);
    assert.deepEqual(errors, []);
    await context.close();
  },
);

test(
  'who decides about a candidate reads each gate with its figures, in the list and on its page',
  inBrowser,
  async () => {
    const { context, page, errors } = await openPage(browser, server.url);
    await signIn(page, await server.makeKey('operate'));
    await visit(page, `${server.url}/#/versions/mail`, 'Versions of mail');
    const panel = page.getByRole('region', { name: 'Waits for a person' });
    await panel.getByText('Its file has 12.5 MB, at most 20 allowed.').waitFor();
    await visit(page, `${server.url}/#/versions/mail/v7`, 'mail v7');
    const certificate = page.getByRole('region', { name: 'Certificate' });
    await certificate.getByText('Its file has 12.5 MB, at most 20 allowed.').waitFor();
    await certificate.getByText(/^On the whole eval pack it answers 94\.\d % right, wanted 90\.0 %\./).waitFor();
    await certificate.getByText('The certificate is signed when a person approves.').waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  },
);

test('what the server refuses is said where it was asked', inBrowser, async () => {
  const { context, page } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('operate'));
  await page.goto(`${server.url}/#/versions/mail/v6`);
  await whatHappens(page, 'Promote');
  await server.db.query(`update relearn.versions set tainted_at = now() where version = 'v6'`);
  const dialog = page.getByRole('dialog', { name: 'Promote' });
  await dialog.getByLabel('Why, for the record').fill('wanted');
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  await dialog.getByText('v6 learned from rows that were erased since').waitFor();
  await server.db.query(`update relearn.versions set tainted_at = null where version = 'v6'`);
  await page.goto(`${server.url}/#/versions/mail/v3`);
  await page.getByText('Cannot be promoted: v3 learned from rows').waitFor();
  await context.close();
});

test(
  'a version shows its certificate in words, each slice as a dot, and where it comes from, both ways',
  inBrowser,
  async () => {
    const { context, page, errors } = await openPage(browser, server.url);
    await signIn(page, await server.makeKey('view'));
    await page.goto(`${server.url}/#/versions/mail/v2`);
    await page.getByText(/^Passed: on the whole eval pack it answers/).waitFor();
    await page.getByText('Made from 60 corrections by ann and bob.').waitFor();
    await eventually(() => dots(page).count(), 10); // a dot and a margin for each of five slices
    await eventually(() => page.locator('.dots .recharts-errorBar').count(), 5);
    const table = page.getByRole('region', { name: 'Slices of v2' });
    assert.match(await table.innerText(), /learned\/i0\s+60\s+80\.0%\s+10\.0%\s+\+70\.0\s+\+\d/);
    await page.getByText('Each row with its correction').click();
    await page.getByText('corrected by ann').first().waitFor();
    await page.getByText('What learned from it').first().click();
    await page.getByRole('link', { name: 'v7' }).waitFor();
    assert.equal(
      await page.getByRole('link', { name: 'What it answered' }).getAttribute('href'),
      '#/log/mail?version=v2',
    );
    for (const name of ['Promote', 'Roll back']) assert.equal(await page.getByRole('button', { name }).count(), 0);
    assert.deepEqual(errors, []);
    await context.close();
  },
);

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `no version has a serious fault for axe or scrolls sideways, ${colorScheme}, ${width} px wide`,
      inBrowser,
      async () => {
        const size = { colorScheme, viewport: { width, height: 900 } };
        const { context, page, errors } = await openPage(browser, server.url, size);
        await signIn(page, await server.makeKey('operate'));
        for (const place of ['mail', 'mail/v1', 'mail/v2', 'mail/v3', 'mail/v4', 'mail/v5', 'mail/v7']) {
          const heading = place === 'mail' ? 'Versions of mail' : place.replace('/', ' ');
          await visit(page, `${server.url}/#/versions/${place}`, heading);
          if (!['mail', 'mail/v1'].includes(place)) await dots(page).last().waitFor();
          assert.deepEqual(await seriousViolations(page), [], place);
          assert.equal(
            await page.evaluate('document.documentElement.scrollWidth > innerWidth'),
            false,
            `${place}: ${String(await page.evaluate(tooWide))}`,
          );
          if (pictures !== undefined) {
            await mkdir(pictures, { recursive: true });
            const path = `${pictures}/${place.replace('/', '-')}-${colorScheme}-${width}.png`;
            await page.screenshot({ path, fullPage: true });
          }
        }
        if (pictures !== undefined) {
          await page.getByRole('button', { name: 'Approve' }).click();
          await page.screenshot({ path: `${pictures}/approve-${colorScheme}-${width}.png` });
        }
        assert.deepEqual(errors, []);
        await context.close();
      },
    );
  }
}
