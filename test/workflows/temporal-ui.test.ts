import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import getPort from 'get-port';
import { pino } from 'pino';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { makeClient } from '../../infra/data-converter.ts';
import { startTemporal, type EmbeddedTemporal } from '../../infra/embedded/temporal.ts';
import { readEnvironment } from '../../infra/environment.ts';
import { findUiOrigins } from '../../infra/web-addresses.ts';
import { buildReview } from '../../src/http/review.ts';
import { createPayloadCodec } from '../../src/payload/codec.ts';
import { readPayloadKeys } from '../../src/payload/keys.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { noBrowser, openBrowser } from '../console/fixtures.ts';
import { silentSignals } from '../http/fixtures.ts';
import { examples, knownTopics, model, newTopics, startLoop, until, type Loop } from '../loop.ts';
import { eventually } from '../until.ts';

// The loop with payload keys, on a Temporal server of its own: its database is searched, and its UI is looked at.
const keys = readPayloadKeys(`2026a:${randomBytes(32).toString('base64')}`);
const docs = fileURLToPath(new URL('../../../docs/temporal-ui.md', import.meta.url));
const pictures = process.env['RELEARN_SCREENSHOTS'];
/** What people typed: in the database of Temporal only one of them is to be found. */
const sealed = 'xylocanary';
const inTheClear = 'zebracanary';

let directory: string;
let temporal: EmbeddedTemporal;
let console: FastifyInstance;
let loop: Loop;
let browser: Browser;
let ports: { port: number; uiPort: number };
let codecEndpoint: string;

const serveTemporal = (endpoint?: string) =>
  startTemporal({
    ...{ directory, cacheDirectory: readEnvironment().cacheDirectory, onEvent: () => {} },
    ...{ ...ports, codecEndpoint: endpoint },
  });

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-ui-'));
  ports = { port: await getPort({ host: '127.0.0.1' }), uiPort: await getPort({ host: '127.0.0.1' }) };
  const port = await getPort({ host: '127.0.0.1' });
  const url = `http://127.0.0.1:${port}`;
  codecEndpoint = `${url}/codec`;
  temporal = await serveTemporal(codecEndpoint);
  process.env['RELEARN_TEST_TEMPORAL'] = temporal.address;
  loop = await startLoop((settings) => {
    Object.assign(settings, { console: { url } });
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.rollout = { approval: true, canary: { shares: [0.2], stepMinutes: 5 } };
  }, keys);
  const { config, namespace } = loop;
  const payloads = { codec: createPayloadCodec(keys), namespace, uiOrigins: findUiOrigins(temporal.ui) };
  const logger = pino({ level: 'silent' });
  console = buildReview({ config, db: loop.database.db, signal: silentSignals, logger, payloads });
  await console.listen({ host: '127.0.0.1', port });
  await loop.startWorker();
  if (noBrowser === false) browser = await openBrowser();
});
after(async () => {
  if (noBrowser === false) await browser.close();
  await console.close();
  await loop.close();
  await temporal.process.stop();
  await rm(directory, { recursive: true });
});

/** The filters of the documentation, by what one wants to see; theirs are the model `mail` and a day. */
async function documentedFilters(): Promise<Map<string, string>> {
  const rows = (await readFile(docs, 'utf8')).matchAll(/^\| ([^|]+?) +\| `([^`]* = [^`]*)` +\|$/gm);
  const filters = [...rows].map(([, name = '', query = '']) => [name, query.replace(`'mail'`, `'${model}'`)] as const);
  assert.ok(filters.length >= 8);
  return new Map(filters);
}

async function listed(name: string): Promise<string[]> {
  const query = (await documentedFilters()).get(name);
  assert.ok(query !== undefined, name);
  const ids: string[] = [];
  for await (const { workflowId: id } of loop.client.workflow.list({ query })) ids.push(id);
  return ids;
}

const untilListed = (name: string, id: string) =>
  until(`${id} is listed as "${name}"`, async () => (await listed(name)).includes(id));

/** What the Temporal UI asks a workflow for to show its current details. */
async function currentDetails(id: string): Promise<string> {
  const said: unknown = await loop.client.workflow.getHandle(id).query('__temporal_workflow_metadata');
  return z.object({ currentDetails: z.string() }).parse(said).currentDetails;
}

const pageOf = (id: string) => `${temporal.ui}/namespaces/${loop.namespace}/workflows/${encodeURIComponent(id)}`;

async function openUi(id: string, tab?: 'user-metadata'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
  page.setDefaultTimeout(120_000);
  await page.goto(pageOf(id));
  await page.waitForURL(/\/(timeline|history)/);
  if (tab !== undefined) await page.goto(page.url().replace(/(timeline|history).*/, tab));
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}/${name}.png` });
}

let incident: string;
let run: string;

test('an incident that waits is listed as such, and its page shows its progress with links into the console', async () => {
  await loop.send(examples(knownTopics, 150, 40_000));
  const truth = await loop.send(examples(newTopics, 80, 60_000));
  const look: unknown = await loop.client.workflow.execute('driftWatch', {
    ...{ workflowId: `drift-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
  });
  const { incident: opened } = z.object({ incident: z.string() }).parse(look);
  incident = workflowId.driftResponse(model, opened);
  await untilListed('what waits for a person', incident);
  await untilListed('open incidents of one model', incident);
  await eventually(async () => (await listed('looks that saw drift')).length, 1);

  const handle = loop.client.workflow.getHandle(incident);
  const corrections = [...truth].map(([requestId, completion]) => ({ requestId, completion, operator: 'ann' }));
  await handle.executeUpdate('submitCorrections', {
    args: [{ batch: 'first', corrections: corrections.slice(0, 15) }],
  });
  await until('fifteen are counted', async () => (await currentDetails(incident)).includes('| 15 of 20 (75 %) |'));
  const details = await currentDetails(incident);
  const { url = '' } = loop.config.console;
  assert.ok(details.startsWith(`**${model}: waiting for corrections, 15 of 20**`));
  assert.ok(details.includes(`[correct the next rows](${url}/#/review/${model})`));
  assert.ok(details.includes(`(${url}/#/incidents/${opened})`));
});

test('in the UI, the incident’s page holds the table and the links', { skip: noBrowser }, async () => {
  const page = await openUi(incident, 'user-metadata');
  const details = page.locator('iframe').last().contentFrame();
  await details.getByRole('cell', { name: '15 of 20 (75 %)' }).waitFor();
  await picture(page, 'incident');
  const opened = page.waitForEvent('popup');
  await details.getByRole('link', { name: 'correct the next rows' }).click();
  const { url = '' } = loop.config.console;
  const popup = await opened;
  await eventually(() => popup.url(), `${url}/#/review/${model}`);
  await popup.close();
  await page.close();
});

test('a run shows its gates while it waits for approval, its share of the traffic while it is rolled out, and how it ended', async () => {
  const handle = loop.client.workflow.getHandle(incident);
  await handle.signal('retrainNow', { by: 'ann', reason: `${sealed} early` });
  await until('the run waits for a person', async () => {
    const [found] = (await listed('what waits for a person')).filter((id) => id.startsWith('retrain/'));
    if (found !== undefined) run = found;
    return found;
  });
  assert.match(
    await currentDetails(run),
    /\| gate \| outcome \| because \|\n.*\n\| pass\\_rate min on all \| passed \|/,
  );
  assert.match(await currentDetails(run), /Next: \[approve or reject it\]\(.*\/#\/versions\/topics\)/);

  const runs = loop.client.workflow.getHandle(run);
  await runs.executeUpdate('approve', { args: [{ by: 'ann', reason: 'better' }] });
  await untilListed('rollouts under way', run);
  await until('the share shows', async () => (await currentDetails(run)).includes('| 20 % |'));
  await runs.signal('rollback', { by: 'bob', reason: `${sealed} odd` });
  await untilListed('retrains that failed or were refused since', run);
  assert.match(await currentDetails(run), /rolled\\_back: taken back by bob\. xylocanary odd/);
});

test('runs are found by their version, by who asked for them, and when they broke', async () => {
  await untilListed('what became of one version', run);
  const retrain = await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'ann' }] },
  });
  await retrain.result();
  await untilListed('retrains that a cluster, or a person asked for', workflowId.retrainRun(model, 2));
  const broken = await loop.client.workflow.start('retrainRun', {
    ...{ workflowId: `broken/${randomUUID()}`, taskQueue: 'nobody', args: [{ model, run: 99, triggers: [] }] },
  });
  await broken.terminate('a test');
  await untilListed('retrains that were terminated or broke', broken.workflowId);
});

test('every documented filter is one that the server understands', async () => {
  for (const name of (await documentedFilters()).keys()) await listed(name);
});

test('activities, timers and workflows have summaries', async () => {
  const handle = loop.client.workflow.getHandle(run);
  const { events } = await handle.fetchHistory();
  const described = await handle.describe();
  assert.match((await described.staticSummary()) ?? '', /^topics: retrain 1 \(drift/);
  assert.match((await described.staticDetails()) ?? '', /Updates: `approve`/);
  const bare = (events ?? []).filter(
    ({ userMetadata, timerStartedEventAttributes: timer, activityTaskScheduledEventAttributes: activity }) =>
      userMetadata == null && (timer != null || activity != null),
  );
  assert.deepEqual(
    bare.map(({ activityTaskScheduledEventAttributes: activity }) => activity?.activityType?.name ?? 'timer'),
    [],
  );
});

test('the UI shows what is encrypted with the console’s codec, and only then', { skip: noBrowser }, async () => {
  const typed = await openUi(incident);
  await typed.getByText('minCorrected').first().waitFor();
  await picture(typed, 'decrypted');
  await typed.close();

  await loop.client.workflow.getHandle(incident).signal('closeReview', { by: 'ann', reason: sealed });
  await loop.client.workflow.getHandle(incident).result();
  await temporal.process.stop();
  temporal = await serveTemporal();
  await until('its UI answers', () => fetch(temporal.ui).then(({ ok }) => ok).catch(() => false)); // prettier-ignore
  const page = await openUi(incident);
  await page.getByText(Buffer.from('binary/encrypted').toString('base64')).first().waitFor();
  assert.equal(await page.getByText('minCorrected').count(), 0);
  await picture(page, 'encrypted');
  await page.close();
});

test('what was typed is not in the database of Temporal, nor what a workflow failed of; without keys it is', async () => {
  const failing = loop.client.workflow.execute('rollback', {
    ...{ workflowId: `failing/${randomUUID()}`, taskQueue, args: [{ by: 'ann', reason: sealed }] },
  });
  await assert.rejects(failing, (error: Error) => /wanted \{"model"/.test(String(error.cause)));
  const plain = makeClient(loop.client.connection, { namespace: loop.namespace });
  await plain.workflow.start('rollback', {
    ...{ workflowId: `plain/${randomUUID()}`, taskQueue: 'nobody' },
    args: [{ model, by: 'ann', reason: inTheClear }],
  });
  const names = (await readdir(directory)).filter((name) => name.startsWith('temporal.db'));
  const bytes = Buffer.concat(await Promise.all(names.map((name) => readFile(join(directory, name)))));
  assert.ok(bytes.includes(inTheClear), 'the control is found');
  for (const hidden of [sealed, 'minCorrected', 'wanted {']) assert.ok(!bytes.includes(hidden), hidden);
});
