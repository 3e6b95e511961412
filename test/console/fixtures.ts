import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { z } from 'zod';
import { followKeys } from '../../src/http/keys-follow.ts';
import { createKey, type Scope } from '../../src/http/keys.ts';
import type { ReviewOptions, ReviewSignals } from '../../src/http/review-options.ts';
import { buildReview } from '../../src/http/review.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { addTags } from '../../src/tag/tags.ts';
import { memoryLogger, silentSignals, testConfig } from '../http/fixtures.ts';
import { newRow } from '../log/new-row.ts';
import { setChampion } from '../serve/fixtures.ts';
import { createTestDatabase } from '../stack.ts';
import { patienceMs } from '../until.ts';

export const chromiumPath = '/usr/bin/chromium';
/** Said by tests that cannot run here. */
export const noBrowser = existsSync(chromiumPath) ? false : `there is no ${chromiumPath}`;

/** What a page must never run. */
export const attack = '<img src=x onerror="window.hacked=1"> [a link](javascript:window.hacked=1)';

interface ConsoleOptions {
  cards?: number;
  /** Further settings of the model. */
  model?: object;
  /** Models beside `mail`. */
  models?: Record<string, object>;
  needsKeys?: boolean;
  temporalUi?: ReviewOptions['temporalUi'];
  payloads?: ReviewOptions['payloads'];
}

/** A console with keys on, over a real database with an incident of `cards` cards; asked decisions are kept. */
export async function startTestConsole({ cards = 12, needsKeys = true, ...more }: ConsoleOptions = {}) {
  const database = await createTestDatabase();
  const { db } = database;
  await ensureAhead(db, 1);
  const { logger } = memoryLogger();
  const model = { serve: { kind: 'onnx' }, retrain: { minCorrected: 100 }, ...more.model };
  const config = testConfig({ models: { mail: model, ...more.models } });
  const asked: string[] = [];
  const signal: ReviewSignals = {
    ...silentSignals,
    decide: async (_model, _incident, name, { by, reason }) => void asked.push(`${name} ${by}: ${reason}`),
    runState: async () => ({ phase: 'approve', candidate: 'v2' }),
    decideRun: async (_model, run, decision, { by, reason }) => void asked.push(`${decision} ${run} ${by}: ${reason}`),
    rollBack: async (_model, { by, reason }) => void asked.push(`rollback ${by}: ${reason}`),
  };
  const version = { kind: 'onnx' as const, dataset: null, lowConfidenceBelow: null, metadata: {} };
  const first = { ...version, model: 'mail', artifact: 'a'.repeat(64), parent: null, run: null };
  await setChampion(db, 'mail', await registerVersion(db, first));
  await fill();
  await registerVersion(db, { ...first, parent: 'v1', run: 1 }); // waits for a person
  await db.query(
    `insert into relearn.versions (model, version, n, kind, artifact) values ('mail', 'v0', 0, 'onnx', $1)`,
    [first.artifact],
  );
  await db.query(
    `insert into relearn.deployments (model, version, previous, action, actor) values ('mail', 'v1', 'v0', 'deploy', 'ann')`,
  );
  const keys = await followKeys({ db, logger, maxAgeMs: 60_000, patienceMs, pollMs: 50 });
  const guard = needsKeys ? { keys } : {};
  const app = buildReview({
    config,
    db,
    logger,
    signal,
    temporalUi: more.temporalUi,
    payloads: more.payloads,
    queuePatienceMs: patienceMs,
    ...guard,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });

  async function fill(): Promise<void> {
    await db.query(
      `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state)
       values ('i1', 'mail', 'v1', 'gold', now(), now() - interval '12 hours', 'collecting')`,
    );
    await db.query(
      `insert into relearn.retrain_runs (model, n, key, triggers, cutoff_seq) values ('mail', 1, 'r1', '[]', 0)`,
    );
    await db.query(
      `insert into relearn.minutes (model, minute, model_version, source, requests, low_confidence, negative)
       select 'mail', now() - make_interval(mins => n * 15), 'v1', 'production', 200 - n, 10 + n, 3
       from generate_series(1, 90) n`,
    );
    const rows = Array.from({ length: cards * 3 }, (_, n) => ({ id: `r${n}`, card: Math.floor(n / 3), place: n % 3 }));
    const prompt = (card: number) => (card === 0 ? attack : `mail number ${card} from [EMAIL]: where is my parcel?`);
    await insertRows(
      db,
      rows.map(({ id, card }) =>
        newRow({ requestId: id, model: 'mail', prompt: prompt(card), response: 'newsletter' }),
      ),
    );
    const requestIds = rows.map(({ id }) => id);
    await addTags(db, { tag: 'post_drift', requestIds, source: 'drift', incident: 'i1' });
    await db.query(
      `insert into relearn.review_cards (model, request_id, card, rank, position)
       select 'mail', * from unnest($1::text[], $2::text[], $3::int[], $4::int[])`,
      [
        requestIds,
        rows.map(({ card }) => `r${card * 3}`),
        rows.map(({ card }) => card),
        rows.map(({ place }) => place),
      ],
    );
  }

  return {
    ...{ app, db, url, asked },
    makeKey: async (...scopes: Scope[]) =>
      (await createKey(db, { name: 'ann', scopes, expiresAt: null, actor: 'test' })).key,
    async close() {
      await app.close();
      await keys.close();
      await database.close();
    },
  };
}

export type TestConsole = Awaited<ReturnType<typeof startTestConsole>>;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
}

/** A fresh browser profile on the console's page; `errors` gathers what its developers' console says. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  return { context, page, errors };
}

export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('Your key').fill(key);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  // When the connection for changes is open, the page asks for everything again: not in the middle of a test.
  await page.getByText('live', { exact: true }).waitFor();
}

/** Goes to a place of the console, and waits for its heading: what the page before has is not taken for it. */
export async function visit(page: Page, address: string, heading: string): Promise<void> {
  await page.goto(address);
  await page.locator('main h1').filter({ hasText: heading }).waitFor();
}

/** Gives the reason in the open dialog of a decision, and decides. */
export async function confirm(page: Page, name: string, reason: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name });
  await dialog.getByLabel('Why, for the record').fill(reason);
  await dialog.getByRole('button', { name, exact: true }).click();
  await page.getByText(`Asked for: ${name.toLowerCase()}.`).waitFor();
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const axeResult = z.array(z.object({ id: z.string(), impact: z.string().nullable(), nodes: z.array(z.unknown()) }));

/** What axe finds serious or critical on the page as it is. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found = axeResult.parse(await page.evaluate('axe.run().then(({ violations }) => violations)'));
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes)}`);
}
