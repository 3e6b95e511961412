import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { storeFeedback } from '../../src/log/feedback.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { logRecordSchema } from '../../src/log/record.ts';
import { newRow } from '../log/new-row.ts';
import { eventually } from '../until.ts';
import { attack, noBrowser, openBrowser, openPage, seriousViolations, signIn } from './fixtures.ts';
import { startTestConsole, type TestConsole } from './fixtures.ts';

let server: TestConsole;
let browser: Browser;
const pictures = process.env['RELEARN_SCREENSHOTS'];
const inBrowser = { skip: noBrowser };

before(async () => {
  if (noBrowser !== false) return;
  server = await startTestConsole();
  const { db } = server;
  const topics = ['my parcel never came', 'please cancel the order', 'is there a student discount?'];
  const now = Date.now();
  await db.query(`select relearn.ensure_partition('samples', $1)`, [new Date(now - 3_600_000)]);
  await insertRows(
    db,
    Array.from({ length: 120 }, (_, n) =>
      newRow({
        ...{ requestId: `log${n}`, ts: new Date(now - 1000 * (n + 1)), model: 'mail', modelVersion: 'v1' },
        ...{ prompt: `${topics[n % 3]} order ${n} of [EMAIL]`, response: n % 3 === 0 ? 'delivery' : 'billing' },
        ...{ responseLogprob: -((n * 37) % 400) / 100, keptBecause: n % 4 === 0 ? 'low_confidence' : 'healthy' },
      }),
    ),
  );
  await storeFeedback(db, { requestId: 'log0', kind: 'thumbs_down', comment: attack, userIdHash: null });
  await storeCorrections(db, [{ requestId: 'log0', completion: attack, operator: 'ann', source: 'api' }]);
  browser = await openBrowser();
});
after(async () => {
  if (noBrowser !== false) return;
  await browser.close();
  await server.close();
});

const lines = (page: Page) => page.locator('.log-line');

async function openLog(scope: 'view' | 'review', query = '') {
  const opened = await openPage(browser, server.url);
  await signIn(opened.page, await server.makeKey(scope));
  await opened.page.goto(`${server.url}/#/log/mail${query}`);
  return opened;
}

test(
  'a search by keyboard is in the address, and whoever opens that address sees the same rows',
  inBrowser,
  async () => {
    const { context, page, errors } = await openLog('view');
    await eventually(() => lines(page).count(), 50);
    await page.getByText('156 rows').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('PARCEL never');
    await page.keyboard.press('Enter');
    await page.getByText('40 rows').waitFor();
    await eventually(() => lines(page).count(), 40);
    await page.getByLabel('Kept because').selectOption('low_confidence');
    await page.getByText('10 rows').waitFor();
    await eventually(() => new URL(page.url()).hash, '#/log/mail?text=PARCEL+never&kept_because=low_confidence');
    const address = page.url();
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.getByText('156 rows').waitFor();
    await page.goBack();
    await page.getByText('10 rows').waitFor();
    await eventually(() => page.getByLabel('Text in prompt or answer').inputValue(), 'PARCEL never');

    const other = await context.newPage();
    await other.goto(address);
    await other.getByText('10 rows').waitFor();
    await eventually(() => lines(other).count(), 10);
    assert.deepEqual(errors, []);
    await context.close();
  },
);

test('rows are walked and opened by keyboard, and show all that is known, with markup as text', inBrowser, async () => {
  const { context, page, errors } = await openLog('view');
  await lines(page).first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  const row = page.getByRole('article', { name: /^Row / });
  await row.getByRole('heading', { name: 'Prompt' }).waitFor();
  await page.waitForURL(/[?&]row=/);
  await page.keyboard.press('Enter');
  await row.waitFor({ state: 'detached' });

  await page.goto(`${server.url}/#/log/mail?row=log0`);
  await row.getByRole('heading', { name: 'Corrected' }).waitFor();
  const said = await row.innerText();
  assert.equal(said.split(attack).length, 3, 'the comment and the correction');
  assert.match(said, /user negative added by user/);
  assert.match(said, /no dataset holds it/);
  assert.equal(await row.locator('mark', { hasText: '[EMAIL]' }).count(), 1);
  assert.equal(await page.evaluate('window.hacked'), undefined);
  assert.deepEqual(errors, []);
  await context.close();
});

test('older rows come on a click, each once', inBrowser, async () => {
  const { context, page } = await openLog('view');
  for (const wanted of [50, 100, 150, 156]) {
    await eventually(() => lines(page).count(), wanted);
    if (wanted < 156) await page.getByRole('button', { name: 'Older rows' }).click();
  }
  await page.getByText('That is all that was kept').waitFor();
  const ids = await Promise.all((await lines(page).all()).map((line) => line.getAttribute('data-request')));
  assert.equal(new Set(ids).size, 156);
  await context.close();
});

test(
  'a reviewer tags what is filtered after a look at how many rows, and takes the tag off again',
  inBrowser,
  async () => {
    const { context, page } = await openLog('review', '?text=student');
    await page.getByText('40 rows').waitFor();
    const change = async (action: string, button: string) => {
      await page.getByRole('button', { name: 'Tag these…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Tag what is filtered' });
      await dialog.getByLabel(action).check();
      await dialog.getByLabel('Tag', { exact: true }).fill('discounts');
      await dialog.getByRole('button', { name: button }).click();
      await page.getByText('40 rows changed.').waitFor();
    };
    await change('Add a tag', 'Tag 40 rows');
    await page.goto(`${server.url}/#/log/mail?tag=discounts`);
    await eventually(() => page.locator('input[name=tag]').inputValue(), 'discounts');
    await eventually(() => lines(page).getByText('discounts').count(), 40);
    await change('Take a tag off', 'Untag 40 rows');
    await page.getByText('No kept row passes these filters').waitFor();
    const [audit] = await server.db.query<{ details: unknown }>(
      `select details from relearn.audit where action = 'remove_tag'`,
    );
    assert.deepEqual(audit?.details, { rows: 40, filter: ['model', 'to', 'tag'], key: 'ann' });
    await context.close();
  },
);

test('the rows that are shown leave as JSONL', inBrowser, async () => {
  const { context, page } = await openLog('view', '?text=cancel');
  await page.getByText('40 rows').waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export JSONL' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'mail-log.jsonl');
  const records = (await text(await download.createReadStream())).trim().split('\n');
  assert.equal(records.length, 40);
  assert.match(logRecordSchema.parse(JSON.parse(records[0] ?? '')).prompt, /^please cancel/);
  await context.close();
});

test('a viewer is not offered tags, and an address that makes no sense says why', inBrowser, async () => {
  const { context, page } = await openLog('view');
  await lines(page).first().waitFor();
  assert.equal(await page.getByRole('button', { name: 'Tag these…' }).count(), 0);
  await page.goto(`${server.url}/#/log/mail?from=yesterday`);
  await page.getByRole('alert').getByText('from: wanted a time').waitFor();
  await context.close();
});

test('a page elsewhere cannot tag with the session of a reviewer', inBrowser, async () => {
  const { context, page } = await openLog('review');
  await lines(page).first().waitFor();
  const session = await context.request.get(`${server.url}/api/session`);
  const { csrf } = z.object({ csrf: z.string() }).parse(await session.json());
  const tagFrom = async (origin: string) => {
    const headers = { origin, 'x-csrf-token': csrf };
    const data = { tag: 'x', operator: 'eve', request_ids: ['log0'] };
    return (await context.request.post(`${server.url}/api/tags`, { headers, data })).status();
  };
  assert.deepEqual([await tagFrom('https://elsewhere.example.com'), await tagFrom(server.url)], [403, 200]);
  await context.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `the log has no serious fault for axe and does not scroll sideways, ${colorScheme}, ${width} px`,
      inBrowser,
      async () => {
        const size = { colorScheme, viewport: { width, height: 900 } };
        const { context, page, errors } = await openPage(browser, server.url, size);
        await signIn(page, await server.makeKey('review'));
        const shows: [string, string][] = [
          ['log', ''],
          ['log-row', '?row=log0'],
          ['log-filtered', '?text=parcel&kept_because=low_confidence&logprob_below=-0.7'],
          ['log-empty', '?text=nothing+like+it'],
          ['log-tag', '?text=student'],
        ];
        for (const [name, query] of shows) {
          await page.goto(`${server.url}/#/log/mail${query}`);
          await page.reload(); // the rows of the address before are gone
          await (name === 'log-empty' ? page.getByText('No kept row') : lines(page).first()).waitFor();
          await page.getByRole('status').getByText('row').first().waitFor();
          if (name === 'log-row') await page.getByRole('heading', { name: 'Corrected' }).waitFor();
          if (name === 'log-tag') {
            await page.getByRole('button', { name: 'Tag these…' }).click();
            await page.getByRole('button', { name: 'Tag 40 rows' }).waitFor();
          }
          assert.deepEqual(await seriousViolations(page), [], name);
          assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, name);
          if (pictures !== undefined) {
            await mkdir(pictures, { recursive: true });
            await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png` });
          }
          if (name === 'log-tag') await page.keyboard.press('Escape');
        }
        assert.deepEqual(errors, []);
        await context.close();
      },
    );
  }
}
