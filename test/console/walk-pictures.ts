import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Database } from '../../src/database.ts';
import { workflowId } from '../../src/temporal.ts';
import type { Walk } from './walk-stack.ts';

/** The walk's window. */
const screen = 900;
const folder = process.env['RELEARN_PICTURES'];

/** Takes the pictures of the documentation where RELEARN_PICTURES names a folder; else each step does nothing. */
export function openPictures(walk: Walk, page: Page) {
  const at = async (place: string) => {
    await page.goto(`${walk.urls.console}/#/${place}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  const step =
    (take: (folder: string, incident: string) => Promise<void>) =>
    async (incident = ''): Promise<void> => {
      if (folder === undefined) return;
      await mkdir(folder, { recursive: true });
      await take(folder, incident);
    };

  return {
    /** A card on the screen. */
    review: step(async (to) => shoot(page, join(to, 'review.png'), screen)),

    /** An incident that waits for corrections. */
    collecting: step(async (to, incident) => {
      await tellAsDay(walk.db);
      await at('overview');
      await page.reload();
      await page.getByText('waits for 10 more').waitFor(); // an answer is given again for a while
      await page.locator('.recharts-area-area').first().waitFor();
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        await shoot(page, join(to, colorScheme === 'dark' ? 'overview-dark.png' : 'overview.png'), 1000);
      }
      await untellDay(walk.db);
      await at(`incidents/${incident}`);
      await page.getByText('Who corrected').waitFor();
      await shoot(page, join(to, 'incident.png'), 1100);

      await at(`log/mail?${new URLSearchParams(await findCorrectedRow(walk.db)).toString()}`);
      await page.getByRole('article').getByText('Learned by').waitFor();
      await shoot(page, join(to, 'log.png'), 1040);

      await at('clusters/mail');
      await page.getByRole('link', { name: 'In the log' }).first().waitFor({ timeout: 60_000 });
      await page.locator('.sizes svg').first().waitFor({ state: 'attached' });
      await shoot(page, join(to, 'clusters.png'), 900);
      await shootTemporalUi(walk, page, incident, join(to, 'temporal-ui.png'));
    }),

    /** A version that serves by its certificate. */
    certified: step(async (to) => {
      await at('versions/mail/v2');
      await page.locator('.dots svg').first().waitFor();
      await page.waitForTimeout(500);
      await shoot(page, join(to, 'version.png'), 1100);
    }),
  };
}

/** From the top down to the end of the content, or so far; what is lower than a screen is as on a screen. */
async function shoot(page: Page, path: string, mostHeight: number): Promise<void> {
  await page.evaluate('document.activeElement.blur?.(); scrollTo(0, 0)');
  const box = await page.locator('main').boundingBox();
  const height = Math.min(mostHeight, Math.ceil((box?.y ?? 0) + (box?.height ?? mostHeight)));
  await page.screenshot({
    path,
    fullPage: mostHeight > screen,
    animations: 'disabled',
    clip: { x: 0, y: 0, width: 1280, height },
  });
}

async function shootTemporalUi(walk: Walk, page: Page, incident: string, path: string): Promise<void> {
  const id = encodeURIComponent(workflowId.driftResponse('mail', incident));
  const ui = await page.context().newPage();
  await ui.setViewportSize({ width: 1280, height: 1000 });
  await ui.goto(`${walk.urls.temporalUi ?? ''}/namespaces/${walk.namespace}/workflows/${id}`);
  await ui.waitForURL(/\/(timeline|history)/);
  await ui.goto(ui.url().replace(/(timeline|history).*/, 'user-metadata'));
  await ui.locator('iframe').last().contentFrame().getByRole('cell', { name: /of 30/ }).waitFor();
  await ui.screenshot({ path, animations: 'disabled' });
  await ui.close();
}

/** The log, with a corrected row of a readable length opened at its top. */
async function findCorrectedRow(db: Database): Promise<Record<string, string>> {
  const [row] = await db.query<{ request_id: string; ts: Date }>(
    `select request_id, s.ts from relearn.samples s join relearn.current_corrections c using (request_id)
     where c.completion <> s.response 
     order by s.prompt ~ '[^[:ascii:]]', length(s.prompt) not between 200 and 500, s.ts desc limit 1`,
  );
  if (row === undefined) throw new Error('no row is corrected');
  return { to: new Date(row.ts.getTime() + 1).toISOString(), row: row.request_id };
}

/**
 * The walk's production lasts a minute, and the overview shows a day: what was counted and found while all was healthy
 * is told as the day before. `untellDay` takes it back.
 */
async function tellAsDay(db: Database): Promise<void> {
  await db.query(
    `insert into relearn.minutes (model, minute, model_version, source, requests, low_confidence)
     select model, date_trunc('minute', now()) - make_interval(mins => 15 * n), model_version, source, part,
       round(part * usual * (1 + 0.3 * sin(n * 1.7) + 0.2 * sin(n * 0.9)))
     from (select * from relearn.minutes where source = 'production' order by minute limit 1) healthy,
       (select (figures->>'usual')::float8 as usual from relearn.monitor_verdicts
         where monitor = 'low_confidence' and state = 'drift' order by at limit 1) watched,
       generate_series(1, 90) n, lateral (select round(60 + 35 * sin(n / 14.0) + 6 * sin(n * 2.3)) as part) parts`,
  );
  await db.query(
    `insert into relearn.gold_runs
       (id, model, model_version, purpose, state, gold_sha256, cases, repeats, passed, asked, failed_cases, at)
     select 'told-' || n, model, model_version, purpose, state, gold_sha256, cases, repeats, passed, asked, failed_cases,
       now() - make_interval(mins => 15 * n)
     from (select * from relearn.gold_runs where purpose = 'probe' and state = 'ok' order by at limit 1) probe,
       generate_series(1, 90) n`,
  );
  await db.query(
    `insert into relearn.monitor_verdicts (model, model_version, monitor, at, state, figures)
     select model, model_version, monitor, now() - make_interval(mins => 15 * n), state, figures
     from (select * from relearn.monitor_verdicts where monitor = 'gold_set' and state = 'clean' order by at limit 1) verdict,
       generate_series(1, 90) n`,
  );
  await db.query(`update relearn.deployments set at = at - interval '22 hours'`);
  await db.query(`update relearn.aliases set changed_at = changed_at - interval '22 hours'`);
}

async function untellDay(db: Database): Promise<void> {
  await db.query(`delete from relearn.minutes where minute < now() - interval '10 minutes'`);
  await db.query(`delete from relearn.gold_runs where id like 'told-%'`);
  await db.query(`delete from relearn.monitor_verdicts where at < now() - interval '10 minutes'`);
  await db.query(`update relearn.deployments set at = at + interval '22 hours'`);
  await db.query(`update relearn.aliases set changed_at = changed_at + interval '22 hours'`);
}
