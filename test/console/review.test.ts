import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { promptText } from '../../src/chat.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { addTags } from '../../src/tag/tags.ts';
import { newRow } from '../log/new-row.ts';
import { eventually } from '../until.ts';
import { noBrowser, openBrowser, openPage, seriousViolations, signIn, startTestConsole } from './fixtures.ts';
import type { TestConsole } from './fixtures.ts';

let server: TestConsole;
let browser: Browser;
const pictures = process.env['RELEARN_SCREENSHOTS'];
const inBrowser = { skip: noBrowser };
const onnx = { serve: { kind: 'onnx' } };
const upstream = { serve: { kind: 'upstream', url: 'http://127.0.0.1:1/v1', upstreamModel: 'm' } };

before(async () => {
  if (noBrowser !== false) return;
  server = await startTestConsole({
    models: { intents: onnx, chat: upstream, attacked: upstream, shared: onnx, narrow: onnx, idle: onnx },
  });
  browser = await openBrowser();
});
after(async () => {
  if (noBrowser !== false) return;
  await browser.close();
  await server.close();
});

/** Rows that an operator has tagged, in this order of confidence. */
async function addRows(model: string, rows: readonly { id: string; prompt: string; response: string }[], tag = 'look') {
  const { db } = server;
  await insertRows(
    db,
    rows.map(({ id, ...texts }, place) =>
      newRow({ requestId: id, model, responseLogprob: -5 + place / 1000, keptBecause: 'flagged', ...texts }),
    ),
  );
  await addTags(db, { tag, requestIds: rows.map(({ id }) => id), source: 'operator' });
}
async function review(place: string, options: Parameters<typeof openPage>[2] = {}) {
  const opened = await openPage(browser, server.url, options);
  await signIn(opened.page, await server.makeKey('review'));
  await opened.page.goto(`${server.url}/#/review/${place}`);
  return opened;
}
const shown = (page: Page, id: string) => page.locator(`article[data-request="${id}"]`).waitFor();
const answerField = (page: Page) => page.getByLabel('Your answer');
async function answersOf(id: string): Promise<string | undefined> {
  const [row] = await server.db.query<{ completion: string }>(
    'select completion from relearn.current_corrections where request_id = $1',
    [id],
  );
  return row?.completion;
}
async function take(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}/${name}.png` });
}

test('of 150 labels the suggested one has a number, and any is found by its first letters', inBrowser, async () => {
  const label = (n: number) => `intent_${String(n).padStart(3, '0')}`;
  const known = Array.from({ length: 150 }, (_, n) => ({ id: `k${n}`, prompt: `text ${n}`, response: label(n) }));
  await addRows('intents', known);
  await storeCorrections(
    server.db,
    known.map(({ id, response }) => ({ requestId: id, completion: response, operator: 'eve', source: 'api' })),
  );
  await addRows('intents', [
    { id: 'q0', prompt: 'what does the loan cost me', response: label(1) },
    { id: 'q1', prompt: 'when is the bank open today', response: label(1) },
  ]);
  await server.db.query(
    `insert into relearn.proposals (request_id, model, proposer, completion, agreed, judged, reason)
     values ('q0', 'intents', 'big-model', 'intent_077', true, false, 'no judge')`,
  );
  const { context, page, errors } = await review('intents');
  await shown(page, 'q0');
  await page.getByText('by the stronger model big-model; no judge has passed it').waitFor();
  await page.getByText('150 labels:').waitFor();
  await eventually(() => page.getByRole('option').count(), 9);
  await take(page, 'review-labels');
  await page.keyboard.press('1');
  await page.keyboard.press('Enter');
  await shown(page, 'q1');

  await page.keyboard.press('e');
  await page.keyboard.type('142');
  await page.getByRole('option', { name: 'intent_142' }).waitFor();
  assert.deepEqual(await seriousViolations(page), []);
  await take(page, 'review-labels-typing');
  await page.keyboard.press('Enter');
  await page.getByText('All is answered').waitFor();
  assert.deepEqual([await answersOf('q0'), await answersOf('q1')], ['intent_077', 'intent_142']);
  assert.deepEqual(errors, []);
  await context.close();
});

const conversation = [
  { role: 'system', content: 'You are a helpful clerk. '.repeat(10) },
  { role: 'user', content: 'Where is my parcel? Mail me: [EMAIL]' },
  {
    ...{ role: 'assistant', content: null },
    tool_calls: [
      { id: 'c1', type: 'function', function: { name: 'find_parcel', arguments: '{"id": 12345678901234567890}' } },
    ],
  },
  { role: 'tool', tool_call_id: 'c1', content: '{"at":"Berlin"}' },
  { role: 'user', content: 'So when does it come?' },
];

test(
  'turns and tool calls of a conversation are told apart, and a text shows what its correction changes',
  inBrowser,
  async () => {
    await addRows('chat', [
      { id: 'c0', prompt: promptText(conversation), response: 'It **comes** on Monday, I think.' },
      { id: 'c1', prompt: 'thanks', response: 'You are welcome.' },
    ]);
    const { context, page, errors } = await review('chat');
    await shown(page, 'c0');
    const turns = page.getByRole('region', { name: 'Prompt' }).getByRole('listitem');
    await eventually(() => turns.count(), 5);
    assert.match(await turns.nth(2).innerText(), /calls find_parcel c1\s+\{"id": 12345678901234567890\}/);
    assert.equal(await page.locator('.turns mark').innerText(), '[EMAIL]');

    await page.keyboard.press('e');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('It comes on Tuesday.\nSorry.');
    await page.locator('ins', { hasText: 'Tuesday' }).waitFor();
    assert.match((await page.locator('del').allInnerTexts()).join('|'), /Monday/);
    assert.equal(await page.locator('main strong').count(), 0);
    assert.deepEqual(await seriousViolations(page), []);
    await take(page, 'review-text');
    await page.keyboard.press('Control+Enter');
    await shown(page, 'c1');
    await page.getByText('Answered.').waitFor();
    await eventually(() => answersOf('c0'), 'It comes on Tuesday.\nSorry.');
    assert.deepEqual(errors, []);
    await context.close();
  },
);

test('markup, links and characters that turn text around stay text, wherever they stand', inBrowser, async () => {
  const attacks =
    '<img src=x onerror="window.hacked=1"> [a link](javascript:window.hacked=1) <a href="javascript:window.hacked=1">x</a> \u202eevil\u202c';
  await addRows('attacked', [{ id: 'x0', prompt: attacks, response: `so: ${attacks}` }]);
  await server.db.query(
    `insert into relearn.proposals (request_id, model, proposer, completion, agreed, judged, reason)
     values ('x0', 'attacked', $1, $1, true, true, $1)`,
    [attacks],
  );
  const { context, page, errors } = await review('attacked');
  await shown(page, 'x0');
  await page.keyboard.press('a');
  await page.getByText('What changes').waitFor();
  await page.getByText('It holds characters that nobody sees.').waitFor();
  for (const part of ['.pane', '.said', '.suggestion', '.diff']) {
    const text = await page.locator(part).innerText();
    assert.match(text, /<img src=x/, part);
    assert.match(text, /U\+202E/, part);
    assert.doesNotMatch(text, /[\u202a-\u202e]/, part);
  }
  assert.equal(await page.locator('main img, main [href^="javascript"]').count(), 0);
  assert.equal(await page.evaluate('window.hacked'), undefined);
  await take(page, 'review-attacked');
  assert.deepEqual(errors, []);
  await context.close();
});

test('who comes second sees both answers and decides whose counts; the last one wins', inBrowser, async () => {
  const rows = ['s0', 's1', 's2'].map((id) => ({ id, prompt: `prompt of ${id}`, response: 'ham' }));
  await addRows('shared', rows);
  const { context, page } = await review('shared');
  await shown(page, 's0');
  const bob = { completion: 'bob’s answer', operator: 'bob', source: 'api' as const };
  await storeCorrections(server.db, [
    { requestId: 's0', ...bob },
    { requestId: 's1', ...bob },
  ]);
  const say = async (text: string) => {
    await page.keyboard.press('e');
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  };
  const clash = page.getByRole('alert', { name: 'Two answers' });
  await say('mine');
  await clash.getByText('bob’s answer').waitFor();
  assert.match(await clash.innerText(), /You said\s+mine/);
  await take(page, 'review-clash');
  assert.deepEqual(await seriousViolations(page), []);
  await page.keyboard.press('o');
  await page.getByText('Your answer counts: it was the last one.').waitFor();
  assert.equal(await answersOf('s0'), 'mine');

  await shown(page, 's1');
  await say('mine, too');
  await clash.waitFor();
  await page.keyboard.press('l');
  await clash.waitFor({ state: 'detached' });
  assert.equal(await answersOf('s1'), 'bob’s answer');

  await shown(page, 's2');
  await server.db.query(
    `update relearn.review_queue set leased_by = 'bob', lease = gen_random_uuid() where request_id = 's2'`,
  );
  await page.getByText('bob reviews now').waitFor();
  await say('third');
  await clash.getByText('has it now').waitFor();
  await context.close();
});

test('a card that someone took over says so, keeps what was written, and is no longer renewed', inBrowser, async () => {
  await addRows('shared', [{ id: 't0', prompt: 'taken over', response: 'ham' }]);
  await server.db.query(`delete from relearn.review_queue where request_id = 's2'`);
  await server.db.query(
    `insert into relearn.corrections (id, request_id, model, completion, operator, source, verified, equals_response)
     values ('done', 's2', 'shared', 'x', 'bob', 'api', true, false)`,
  );
  const { context, page } = await openPage(browser, server.url);
  await page.clock.install();
  let renewals = 0;
  page.on('request', (request) => (renewals += request.url().endsWith('/api/review/renew') ? 1 : 0));
  await signIn(page, await server.makeKey('review'));
  await page.goto(`${server.url}/#/review/shared`);
  await shown(page, 't0');
  await page.keyboard.press('e');
  await page.keyboard.type('half an answer');
  await server.db.query(
    `update relearn.review_queue set leased_by = 'carl', lease = gen_random_uuid() where request_id = 't0'`,
  );
  await page.clock.runFor(30_000);
  await page.keyboard.type(' ');
  await page.clock.runFor(40_000);
  await page.getByText('carl has this card now').waitFor();
  assert.equal(await answerField(page).inputValue(), 'half an answer ');
  await take(page, 'review-taken-over');
  const asked = renewals;
  assert.ok(asked > 0);
  await page.keyboard.type('.');
  await page.clock.runFor(90_000);
  await page.keyboard.press('Enter'); // goes to the server after all that was asked before
  await page.getByRole('alert', { name: 'Two answers' }).waitFor();
  assert.equal(renewals, asked);
  await context.close();
});

test(
  'a link shows the part of the queue that an incident or a cluster is about, and an empty one says what fills it',
  inBrowser,
  async () => {
    await server.db.query(
      `insert into relearn.clusters (model, key, kind, terms, rows) values ('narrow', 'cluster/900', 'found', '{loan,cost}', 2)`,
    );
    await addRows('narrow', [
      { id: 'n0', prompt: 'most unsure', response: 'ham' },
      { id: 'n1', prompt: 'the loan', response: 'ham' },
      { id: 'n2', prompt: 'its cost', response: 'ham' },
    ]);
    await server.db.query(
      `insert into relearn.cluster_members (model, key, request_id)
     values ('narrow', 'cluster/900', 'n1'), ('narrow', 'cluster/900', 'n2')`,
    );
    const { context, page, errors } = await review(`narrow?cluster=${encodeURIComponent('cluster/900')}`);
    await shown(page, 'n1');
    await page.getByText('only cluster loan, cost').waitFor();
    await page.getByText('2 rows wait').waitFor();
    await take(page, 'review-cluster');
    await page.keyboard.press('Enter');
    await shown(page, 'n2');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing waits here any more').waitFor();
    await page.getByRole('link', { name: 'Review what else waits' }).click();
    await shown(page, 'n0');
    await page.getByRole('link', { name: 'idle' }).click();
    await page.getByText('All is answered').waitFor();
    await take(page, 'review-empty');
    assert.deepEqual(await seriousViolations(page), []);
    await page.goto(`${server.url}/#/review/mail?incident=i1`);
    await page.getByText('only incident i1').waitFor();
    await page.getByText('0 of 100').waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  },
);

test('without keys the page asks for a name, and the first correction carries it', inBrowser, async () => {
  const open = await startTestConsole({ cards: 2, needsKeys: false });
  try {
    const { context, page, errors } = await openPage(browser, open.url);
    await page.getByRole('link', { name: 'Review' }).click();
    await page.getByLabel('Who are you?').waitFor();
    assert.deepEqual(await seriousViolations(page), []);
    await take(page, 'review-name');
    await page.keyboard.type('Grace');
    await page.keyboard.press('Enter');
    await page.locator('article').waitFor();
    await page.keyboard.press('e');
    await page.keyboard.type('complaint');
    await page.keyboard.press('Enter');
    await page.getByText('1 of 100').waitFor();
    const [row] = await open.db.query<{ operator: string }>('select operator from relearn.corrections');
    assert.equal(row?.operator, 'Grace');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys of the review' }).waitFor();
    await take(page, 'review-keys');
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await open.close();
  }
});
