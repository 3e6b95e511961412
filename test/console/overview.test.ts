import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { z } from 'zod';
import type { Database } from '../../src/database.ts';
import { overviewResponse } from '../../src/http/console-schemas.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { addTags } from '../../src/tag/tags.ts';
import { recordVerdict } from '../../src/watch/verdicts.ts';
import { newRow } from '../log/new-row.ts';
import { eventually } from '../until.ts';
import { noBrowser, openBrowser, openPage, seriousViolations, signIn } from './fixtures.ts';
import { startTestConsole, type TestConsole } from './fixtures.ts';

let server: TestConsole;
let browser: Browser | undefined;
const pictures = process.env['RELEARN_SCREENSHOTS'];
const inBrowser = { skip: noBrowser };

before(async () => {
  server = await startTestConsole();
  await fillDay(server.db);
  if (noBrowser === false) browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server.close();
});

/** A day of the gold set that ends in drift, a promotion in its middle, and a challenger on trial. */
async function fillDay(db: Database): Promise<void> {
  const now = new Date();
  await db.query(
    `insert into relearn.gold_runs (id, model, model_version, purpose, state, gold_sha256, cases, passed, at)
     select 'g' || n, 'mail', 'v1', 'probe', 'ok', 'x', 100, case when n < 6 then 78 + n else 94 + n % 3 end,
       $1::timestamptz - make_interval(mins => n * 15)
     from generate_series(0, 80) n`,
    [now],
  );
  for (let n = 80; n >= 0; n -= 1) {
    const figures = { healthyRate: 0.9, logStatistic: n < 6 ? 11 - n * 1.6 : -1 + (n % 4), logThreshold: 11 };
    await recordVerdict(
      db,
      {
        model: 'mail',
        modelVersion: 'v1',
        monitor: 'gold_set',
        look: `l${n}`,
        at: new Date(now.getTime() - n * 900_000),
      },
      { state: n === 0 ? 'drift' : 'clean', effect: 0.1, reason: 'Gold set: 78.0 % of 100 cases pass.', figures },
    );
  }
  const look = { model: 'mail', modelVersion: 'v1', look: 'l', at: now };
  const figures = { logStatistic: 2.1, logThreshold: 11 };
  const low = { state: 'clean', effect: 0, reason: 'Low confidence in 7.1 % of the answers.', figures } as const;
  await recordVerdict(db, { ...look, monitor: 'low_confidence' }, low);
  const none = { state: 'unknown', effect: null, reason: 'Nobody has given feedback yet.', figures: {} } as const;
  await recordVerdict(db, { ...look, monitor: 'negative_feedback' }, none);
  await db.query(
    `insert into relearn.deployments (model, version, action, actor, at)
     values ('mail', 'v1', 'promote', 'ann', now() - interval '14 hours')`,
  );
}

async function readOverview() {
  const authorization = `Bearer ${await server.makeKey('view')}`;
  const response = await server.app.inject({ url: '/api/overview', headers: { authorization } });
  const model = overviewResponse.parse(response.json()).models[0];
  assert.ok(model);
  return model;
}

test('the overview holds a day in parts: traffic, shares, the pass rate, the boundary of its test and its evidence', async () => {
  const { trend, marks, monitors } = await readOverview();
  assert.equal(trend.length, 96);
  const [early, last] = [trend[0], trend.findLast(({ gold }) => gold !== null)]; // a quarter of an hour may just have begun
  assert.deepEqual([early?.requests, early?.lowConfidence, early?.gold], [0, null, null]);
  assert.deepEqual([last?.gold, last?.healthy, last?.evidence], [0.78, 0.9, 1]);
  const [quiet] = trend.filter(({ gold, evidence }) => gold === 0.94 && evidence !== null);
  assert.ok(quiet !== undefined && quiet.requests > 0 && (quiet.lowConfidence ?? 0) > 0 && (quiet.negative ?? 0) > 0);
  assert.ok(
    trend.some(({ evidence }) => evidence === 0),
    'below zero the statistic is no evidence',
  );
  assert.deepEqual(
    marks.map(({ kind, name }) => [kind, name]),
    [
      ['version', 'v1'],
      ['incident', 'gold'],
      ['version', 'v1'],
    ],
  );
  assert.deepEqual(
    monitors.map(({ monitor, evidence }) => [monitor, evidence === null ? null : Math.round(evidence * 100)]),
    [
      ['gold_set', 100],
      ['low_confidence', 19],
      ['negative_feedback', null],
    ],
  );
});

test('the ring names six steps in order, where the loop is, and what each waits for', async () => {
  const { steps, current } = await readOverview();
  assert.deepEqual(
    steps.map(({ step, state }) => `${step} ${state}`),
    ['log active', 'watch alarm', 'correct waiting', 'retrain idle', 'gate waiting', 'promote idle'],
  );
  assert.equal(current, 'gate');
  assert.match(steps[2]?.says ?? '', /^waits for 100 more; 36 rows queued$/);
});

const strokes = `[...document.querySelectorAll('.recharts-line-curve')].map((line) => getComputedStyle(line).stroke)`;

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `the ring leads to where one acts, and the chart shows its lines, ${colorScheme}, ${width} px wide`,
      inBrowser,
      async () => {
        assert.ok(browser);
        const { context, page, errors } = await openPage(browser, server.url, {
          ...{ colorScheme, viewport: { width, height: 900 } },
        });
        await signIn(page, await server.makeKey('operate'));
        const loop = page.getByRole('list', { name: 'The loop of mail' });
        await eventually(() => loop.getByRole('listitem').count(), 6);
        assert.match(await loop.locator('[aria-current=step]').innerText(), /Gate\s+v2/);
        const links = await loop.getByRole('link').all();
        assert.deepEqual(await Promise.all(links.map((link) => link.getAttribute('href'))), [
          '#/log/mail',
          '#/incidents/i1',
          '#/review/mail?incident=i1',
          ...Array.from({ length: 3 }, () => '#/versions/mail'),
        ]);
        await page.locator('.recharts-line-curve').nth(4).waitFor();
        const colors = z.array(z.string()).parse(await page.evaluate(strokes));
        assert.ok(new Set(colors).size >= 4 && !colors.includes('rgb(0, 0, 0)'), colors.join(' '));
        for (const name of ['v1', 'gold', 'lowest healthy rate', 'requests']) {
          await page.locator('.recharts-wrapper').getByText(name, { exact: true }).first().waitFor();
        }
        assert.deepEqual(await seriousViolations(page), []);
        assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false);
        if (pictures !== undefined) {
          await mkdir(pictures, { recursive: true });
          await page.screenshot({ path: `${pictures}/overview-${colorScheme}-${width}.png`, fullPage: true });
        }
        await loop.getByRole('link', { name: 'Tag & correct' }).click();
        await page.getByRole('heading', { level: 1, name: 'Review' }).waitFor();
        assert.deepEqual(errors, []);
        await context.close();
      },
    );
  }
}

test('requests and queued rows are counted on while nothing else happens', inBrowser, async () => {
  assert.ok(browser);
  await server.db.query(`update relearn.retrain_runs set state = 'promoted'`); // one under way is asked for oftener
  const { context, page, errors } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('view'));
  const [log, correct] = ['Log', 'Tag & correct'].map((name) =>
    page.getByRole('list', { name: 'The loop of mail' }).getByRole('link', { name }),
  );
  assert.ok(log && correct);
  await correct.getByText('36 rows queued').waitFor();
  const counted = await log.locator('b').innerText();
  await server.db.query(
    `insert into relearn.minutes (model, model_version, source, minute, requests)
     values ('mail', 'v1', 'production', date_trunc('minute', now()), 40)`,
  );
  await insertRows(server.db, [newRow({ requestId: 'late', model: 'mail', prompt: 'late', response: 'other' })]);
  await addTags(server.db, { tag: 'post_drift', requestIds: ['late'], source: 'drift', incident: 'i1' });
  await correct.getByText('37 rows queued').waitFor();
  assert.notEqual(await log.locator('b').innerText(), counted);
  assert.deepEqual(errors, []);
  await context.close();
});

test('without traffic and probes the overview says how they come', inBrowser, async () => {
  assert.ok(browser);
  await server.db.query('delete from relearn.minutes');
  await server.db.query('delete from relearn.gold_runs');
  const { context, page, errors } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('view'));
  await page.getByText('appears here with the first request').waitFor();
  await page.getByText('waits for traffic, none in 24 h').waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});

test('the first minutes of traffic and the first probe are drawn at once', inBrowser, async () => {
  assert.ok(browser);
  await server.db.query('delete from relearn.minutes');
  await server.db.query('delete from relearn.gold_runs');
  await server.db.query('delete from relearn.monitor_verdicts');
  await server.db.query(
    `insert into relearn.minutes (model, model_version, source, minute, requests)
     values ('mail', 'v1', 'production', date_trunc('minute', now()), 40)`,
  );
  await server.db.query(
    `insert into relearn.gold_runs (id, model, model_version, purpose, state, gold_sha256, cases, passed, at)
     values ('first', 'mail', 'v1', 'probe', 'ok', 'x', 100, 94, now())`,
  );
  const { context, page, errors } = await openPage(browser, server.url);
  await signIn(page, await server.makeKey('view'));
  await page.locator('.recharts-line-dot').first().waitFor();
  const shown = page.locator('.recharts-area-curve, .recharts-area-area').first();
  await eventually(async () => ((await shown.boundingBox())?.height ?? 0) > 20, true);
  if (pictures !== undefined) await page.screenshot({ path: `${pictures}/overview-first.png`, fullPage: true });
  assert.deepEqual(errors, []);
  await context.close();
});
