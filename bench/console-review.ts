import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { z } from 'zod';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { openDatabase, type Database } from '../src/database.ts';
import { buildBenchConsole } from './console-server.ts';

const chromiumPath = '/usr/bin/chromium';
const corrections = 20;
/** A reviewer's shortest look at a row. */
const lookMs = 400;
const model = 'bench';
const measured = z.array(z.number());

/** From the key that sends an answer to the frame that shows the next card, in milliseconds, as the page sees it. */
const watch = `
  window.nextRowMs = [];
  let sent;
  const shown = () => document.querySelector('article')?.dataset.request;
  addEventListener('keydown', (event) => {
    if (event.key === 'Enter') sent = { at: event.timeStamp, card: shown() };
  }, true);
  new MutationObserver(() => {
    if (sent === undefined || shown() === undefined || shown() === sent.card) return;
    const { at } = sent;
    sent = undefined;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.nextRowMs.push(performance.now() - at);
      port2.postMessage(null);
    });
  }).observe(document.body, { subtree: true, childList: true });`;

/**
 * The review screen in Chromium, worked by keyboard: how long a reviewer waits between two rows. `url` is of a console
 * without keys whose model `bench` has the rows of `fillReview`.
 */
async function measureReview(url: string): Promise<{ next_row_p50_ms: number; next_row_p95_ms: number }> {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.goto(`${url}/#/review/${model}`);
    await page.getByLabel('Who are you?').fill('bench');
    await page.keyboard.press('Enter');
    await page.locator('article').waitFor();
    await page.evaluate(watch);
    for (let turn = 0; turn < corrections; turn += 1) await correctOne(page, `intent ${turn}`);
    const times = measured.parse(await page.evaluate('window.nextRowMs')).sort((a, b) => a - b);
    if (times.length !== corrections) throw new Error(`${times.length} of ${corrections} corrections were measured`);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return { next_row_p50_ms: at(0.5), next_row_p95_ms: at(0.95) };
  } finally {
    await browser.close();
  }
}

async function correctOne(page: Page, label: string): Promise<void> {
  await page.waitForTimeout(lookMs);
  const before = await page.locator('article').getAttribute('data-request');
  await page.keyboard.press('e');
  await page.keyboard.type(label);
  await page.keyboard.press('Enter');
  await page.locator(`article:not([data-request="${before}"])`).waitFor();
  await page.waitForTimeout(lookMs);
}

/** 600 rows of a kilobyte each in cards of six, and 150 labels. */
async function fillReview(db: Database): Promise<void> {
  await db.query(`select relearn.ensure_partition('samples', now())`);
  await db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, response_logprob,
       kept_because, inclusion_probability)
     select 'b' || n, now(), $1, 'v1', 'request ' || n || ' of [EMAIL]: ' || repeat('please sort this for me, it is about ', 27),
       'intent ' || n % 150, 1, -random(), 'healthy', 0.05
     from generate_series(0, 599) n`,
    [model],
  );
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source, created_at)
     select 'b' || n, 'look', '', $1, 'operator', now() from generate_series(0, 599) n`,
    [model],
  );
  await db.query(
    `insert into relearn.review_cards (model, request_id, card, rank, position)
     select $1, 'b' || n, 'b' || n - n % 6, n / 6, n % 6 from generate_series(0, 599) n`,
    [model],
  );
  await db.query('analyze');
}

/**
 * The console in Chromium. `next_row_p50_ms` and `next_row_p95_ms`: from the key that sends a correction to the frame
 * that shows the next row, over 20 corrections by keyboard.
 */
export async function run(): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  const postgres = await startPostgres({ directory: join(directory, 'console') });
  const db = openDatabase(postgres.url, { maxConnections: 10 });
  const app = buildBenchConsole(db);
  try {
    await migrate(db);
    await fillReview(db);
    return await measureReview(await app.listen({ host: '127.0.0.1', port: 0 }));
  } finally {
    await app.close();
    await db.close();
    await postgres.process.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
