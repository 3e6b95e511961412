import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { caseId } from '../../src/gate/pack.ts';
import { incidentResponse, incidentsResponse } from '../../src/http/incident-schemas.ts';
import { buildReview } from '../../src/http/review.ts';
import { addTags } from '../../src/tag/tags.ts';
import { recordVerdict } from '../../src/watch/verdicts.ts';
import { memoryLogger, silentSignals, testConfig } from '../http/fixtures.ts';
import { attack, noBrowser, openBrowser, openPage, seriousViolations, signIn } from './fixtures.ts';
import { startTestConsole, type TestConsole } from './fixtures.ts';

let server: TestConsole;
let browser: Browser | undefined;
let directory: string;
const pictures = process.env['RELEARN_SCREENSHOTS'];
const inBrowser = { skip: noBrowser };
const flipped = 'my card 4111 1111 1111 1111 was stolen, write to canary.bird@example.com';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-incident-'));
  const gold = join(directory, 'gold.jsonl');
  const cases = [flipped, 'where is my parcel?', attack].map((prompt) => ({ prompt, completion: 'complaint' }));
  await writeFile(gold, cases.map((one) => JSON.stringify(one)).join('\n'));
  server = await startTestConsole({
    model: { drift: { gold } },
    temporalUi: { url: 'https://temporal.example.com/ui/', namespace: 'loop' },
  });
  await fillIncident(server.db);
  if (noBrowser === false) browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server.close();
  await rm(directory, { recursive: true });
});

/** What one incident leaves in the tables: drift of the gold set, corrections of three people, two runs, a promotion. */
async function fillIncident(db: Database): Promise<void> {
  await db.query(
    `insert into relearn.gold_runs (id, model, model_version, purpose, state, gold_sha256, cases, passed, failed_cases, at)
     select 'b', 'mail', 'v1', 'baseline', 'ok', 'x', 100, 95, '[]'::jsonb, now() - interval '2 days'
     union all
     select 'p' || n, 'mail', 'v1', 'probe', 'ok', 'x', 100, 70, $1::jsonb, now() - make_interval(mins => n)
     from generate_series(0, 5) n`,
    [JSON.stringify([caseId(flipped), caseId(attack), 'ffffffffffff'])],
  );
  const key = { model: 'mail', modelVersion: 'v1', look: 'l', at: new Date() };
  const counts = { baselinePassed: 95, baselineCases: 100, passed: 70, cases: 100 };
  await recordVerdict(
    db,
    { ...key, monitor: 'gold_set' },
    {
      state: 'drift',
      effect: 0.25,
      reason: 'Gold set fell.',
      figures: { ...counts, logStatistic: 11, logThreshold: 11 },
    },
  );
  const figures = { usual: 0.05, now: 0.06 };
  const clean = { state: 'clean', effect: 0.01, reason: 'Low confidence in 6.0 %.', figures } as const;
  await recordVerdict(db, { ...key, monitor: 'low_confidence' }, clean);
  await addTags(db, { tag: 'drift_window', requestIds: ['r30', 'r31'], source: 'drift', incident: 'i1' });
  await db.query(`update relearn.review_cards set cluster = case when rank < 8 then 1 else 2 end`);
  const say = (requestId: string, operator: string, completion: string) => ({
    ...{ requestId, operator, completion, source: 'api' as const },
  });
  await storeCorrections(db, [
    say('r1', 'ann', 'complaint'),
    say('r2', 'ann', 'complaint'),
    say('r2', 'bob', 'order'),
    say('r4', 'eve', 'newsletter'),
  ]);
  await db.query(
    `update relearn.retrain_runs set triggers = '[{"kind":"drift","incident":"i1","by":"ann"}]' where model = 'mail' and n = 1`,
  );
  await db.query(
    `insert into relearn.certificates (id, model, version, kind, passed, content)
     values ('c1', 'mail', 'v2', 'gated', true, '{"approvedBy":"bob"}')`,
  );
  await db.query(
    `insert into relearn.deployments (model, version, previous, action, actor, reason)
     values ('mail', 'v2', 'v1', 'promote', 'bob', 'gates passed')`,
  );
  await db.query(
    `insert into relearn.audit (actor, action, model, subject, details)
     values ('ann', 'incident_retraining', 'mail', 'i1', '{"reason":"asked for by ann at 2 of 100 corrected"}')`,
  );
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state, closed_at, reason)
     values ('i0', 'mail', 'v1', 'negative_feedback', now() - interval '9 days', now() - interval '10 days', 'resolved',
       now() - interval '8 days', 'learned in run 0, which still serves')`,
  );
}

async function read(url: string): Promise<unknown> {
  const authorization = `Bearer ${await server.makeKey('view')}`;
  await server.app.inject({ url: '/api/review', headers: { authorization } });
  const response = await server.app.inject({ url, headers: { authorization } });
  assert.equal(response.statusCode, 200, response.body);
  assert.doesNotMatch(response.body, /canary\.bird|4111/);
  return response.json();
}

test('an incident tells what flipped, with redacted texts, and how large each effect is', async () => {
  const { gold_cases: gold, monitors } = incidentResponse.parse(await read('/api/incidents/i1'));
  const texts = Object.fromEntries(gold.regressions.map(({ case: id, prompt, wanted }) => [id, [prompt, wanted]]));
  assert.deepEqual(texts[caseId(flipped)], ['my card [CREDIT_CARD] was stolen, write to [EMAIL]', 'complaint']);
  assert.deepEqual(texts['ffffffffffff'], [null, null]);
  assert.deepEqual(
    monitors.map(({ monitor, then }) => [monitor, then?.state, then?.effect?.size, then?.effect?.worse.toFixed(2)]),
    [
      ['gold_set', 'drift', 'medium', '0.25'],
      ['low_confidence', 'clean', 'slight', '0.01'],
    ],
  );
});

test('its timeline runs from the window to the champion that learned from it, with who did what', async () => {
  const { timeline } = incidentResponse.parse(await read('/api/incidents/i1'));
  assert.deepEqual(timeline.map(({ kind, who, name }) => [kind, who, name]).sort(), [
    ['detected', null, 'gold'],
    ['first_correction', 'ann', null],
    ['gate', 'bob', 'v2'],
    ['last_correction', 'eve', null],
    ['note', 'ann', 'incident_retraining'],
    ['pinned', null, null],
    ['promote', 'bob', 'v2'],
    ['retrain_started', 'ann', 'run 1'],
    ['window', null, 'v1'],
  ]);
  assert.deepEqual([timeline[0]?.kind, timeline.map(({ at }) => at)], ['window', timeline.map(({ at }) => at).sort()]);
});

test('it counts corrections by reviewer and what disagrees, and groups the rows that wait', async () => {
  const { reviewers, disagreements, clusters, rows } = incidentResponse.parse(await read('/api/incidents/i1'));
  assert.deepEqual(
    reviewers.map(({ operator, rows: said, disagreements: disputed }) => [operator, said, disputed]),
    [
      ['ann', 2, 1],
      ['bob', 1, 1],
      ['eve', 1, 0],
    ],
  );
  assert.deepEqual([disagreements, rows], [1, 36]);
  assert.deepEqual(
    clusters.map((cluster) => [cluster.rows, cluster.cards]),
    [
      [21, 8],
      [12, 4],
    ],
  );
  assert.equal(clusters[0]?.example, attack);
});

test('the list counts what was corrected while an incident was open', async () => {
  const { incidents } = incidentsResponse.parse(await read('/api/incidents'));
  assert.deepEqual(
    incidents.map(({ id, corrected, counted }) => [id, corrected, counted]),
    [
      ['i1', 3, 2],
      ['i0', 0, 0],
    ],
  );
});

test('the link leads to the workflow in the Temporal UI, and is left out where its address is not known', async () => {
  const { workflow_url: url } = incidentResponse.parse(await read('/api/incidents/i1'));
  assert.equal(url, 'https://temporal.example.com/ui/namespaces/loop/workflows/drift-response%2Fmail%2Fi1');
  const { logger } = memoryLogger();
  const config = testConfig({ models: { mail: { serve: { kind: 'onnx' } } } });
  const app = buildReview({ config, db: server.db, logger, signal: silentSignals });
  const response = await app.inject({ url: '/api/incidents/i1', headers: { host: '127.0.0.1' } });
  const shown = incidentResponse.parse(response.json());
  assert.deepEqual([shown.workflow_url, shown.gold_cases.regressions[0]?.prompt], [null, null]);
  await app.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `the pages of incidents show it all, without a serious fault for axe, ${colorScheme}, ${width} px`,
      inBrowser,
      async () => {
        assert.ok(browser);
        const size = { colorScheme, viewport: { width, height: 900 } };
        const { context, page, errors } = await openPage(browser, server.url, size);
        await signIn(page, await server.makeKey('operate'));
        await page.getByRole('link', { name: 'Incidents' }).click();
        await page.getByRole('link', { name: 'negative feedback' }).waitFor();
        const check = async (name: string) => {
          assert.deepEqual(await seriousViolations(page), [], name);
          assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, name);
          if (pictures === undefined) return;
          await mkdir(pictures, { recursive: true });
          await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png`, fullPage: true });
        };
        await check('incidents');
        await page.getByRole('link', { name: 'gold', exact: true }).click();
        await page.getByText('Pass rate 95% → 70%: 25 points worse, a medium effect').waitFor();
        await page.getByText('v2 became champion by bob').waitFor();
        await page.getByText(attack).first().waitFor();
        assert.equal(await page.evaluate('window.hacked'), undefined);
        await check('incident');
        await page.getByRole('button', { name: 'Close incident' }).click();
        await page.getByText('no retrain is asked for').waitFor();
        await check('incident-close');
        assert.deepEqual(errors, []);
        await context.close();
      },
    );
  }
}
