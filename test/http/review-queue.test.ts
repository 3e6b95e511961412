import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { storeCorrections } from '../../src/correct/corrections.ts';
import * as schemas from '../../src/http/review-schemas.ts';
import { buildReview } from '../../src/http/review.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { addTags } from '../../src/tag/tags.ts';
import { newRow } from '../log/new-row.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { memoryLogger, silentSignals, testConfig } from './fixtures.ts';
import { patienceMs } from '../until.ts';

const config = testConfig({ models: { mail: { serve: { kind: 'onnx' }, retrain: { minCorrected: 3 } } } });
const { logger, lines } = memoryLogger();
let database: TestDatabase;
let app: FastifyInstance;
let told: string[][];

before(async () => {
  database = await createTestDatabase();
  await ensureAhead(database.db, 1);
});
after(() => database.close());

beforeEach(async () => {
  await database.db.query(
    `truncate relearn.samples, relearn.tags, relearn.corrections, relearn.incidents, relearn.review_queue,
       relearn.review_cards, relearn.review_actions, relearn.proposals, relearn.dataset_rows, relearn.datasets cascade`,
  );
  told = [];
  app = buildReview({
    queuePatienceMs: patienceMs,
    ...{ config, db: database.db, logger },
    signal: {
      ...silentSignals,
      correctionsRecorded: (_model, _incident, ids) => Promise.resolve(void told.push([...ids])),
    },
  });
});
afterEach(() => app.close());

async function call<Schema extends z.ZodType>(path: string, schema: Schema, payload?: object) {
  const request = payload === undefined ? { method: 'GET' as const } : { method: 'POST' as const, payload };
  const response = await app.inject({ ...request, url: path });
  assert.ok(response.statusCode < 300, response.body);
  return schema.parse(response.json());
}
async function refused(path: string, payload: object) {
  const response = await app.inject({ method: 'POST', url: path, payload });
  return {
    status: response.statusCode,
    ...response.json<{ error: { code: string; message: string; details?: object } }>(),
  };
}
const next = (operator: string, more: object = {}) =>
  call('/api/review/next', schemas.nextResponse, { operator, model: 'mail', ...more });
const answer = (payload: object) => call('/api/review/answer', schemas.answerResponse, payload);
const waiting = async () => (await call('/api/review?model=mail', schemas.queueResponse)).waiting;

/** Rows of an open incident, in cards of the given sizes. Row `2.1` is the second of the third card. */
async function fillQueue(sizes: readonly number[]) {
  const { db } = database;
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state)
     values ('i1', 'mail', 'v1', 'gold', now(), now(), 'collecting')`,
  );
  const rows = sizes.flatMap((size, card) =>
    Array.from({ length: size }, (_, place) => ({ id: `${card}.${place}`, head: `${card}.0`, card, place })),
  );
  await insertRows(
    db,
    rows.map(({ id, card }) => newRow({ requestId: id, prompt: `prompt number ${card}`, response: `no ${id}` })),
  );
  const requestIds = rows.map(({ id }) => id);
  await addTags(db, { tag: 'post_drift', requestIds, source: 'drift', incident: 'i1' });
  await db.query(
    `insert into relearn.review_cards (model, request_id, card, rank, position)
     select 'mail', * from unnest($1::text[], $2::text[], $3::int[], $4::int[])`,
    [requestIds, rows.map(({ head }) => head), rows.map(({ card }) => card), rows.map(({ place }) => place)],
  );
}
function held(operator: string, { lease, card }: z.output<typeof schemas.nextResponse>['cards'][number]) {
  return { operator, lease, request_id: card.request_id };
}
function only<Item>(items: readonly Item[]): Item {
  assert.equal(items.length, 1);
  return items[0] as Item;
}

test('a card shows its first row, how many rows it answers and five of them, and the incident’s progress', async () => {
  await fillQueue([8, 1]);
  const { cards, waiting: left, progress } = await next('ann');
  const { card } = only(cards);
  assert.deepEqual([card.request_id, card.answers, left], ['0.0', 8, 9]);
  assert.deepEqual(
    card.others.map((row) => row.request_id),
    ['0.1', '0.2', '0.3', '0.4', '0.5'],
  );
  assert.equal(progress?.text, '0 of 3');
  const { cards: listed } = await call('/api/review/cards?model=mail', schemas.cardsResponse);
  assert.deepEqual(
    listed.map((one) => [one.request_id, one.answers, one.holder?.operator ?? null]),
    [
      ['0.0', 8, 'ann'],
      ['1.0', 1, null],
    ],
  );
});

test('twenty reviewers who ask at once get twenty different cards, and no row is in two hands', async () => {
  await fillQueue(Array.from({ length: 25 }, () => 3));
  const given = await Promise.all(Array.from({ length: 20 }, (_, reviewer) => next(`reviewer ${reviewer}`)));
  const rows = given.flatMap(({ cards }) => [only(cards).card, ...only(cards).card.others]);
  assert.equal(rows.length, 60);
  assert.equal(new Set(rows.map((row) => row.request_id)).size, 60);
});

test('a tag narrows the cards, also to one whose first row does not carry it', async () => {
  await fillQueue([3, 1]);
  await addTags(database.db, { tag: 'mine', requestIds: ['0.2', '0.1'], source: 'operator' });
  const { cards, waiting: left } = await next('ann', { tag: 'mine' });
  const { card } = only(cards);
  assert.deepEqual([card.request_id, card.answers, left], ['0.1', 3, 2]);
  assert.deepEqual((await next('bob', { tag: 'mine' })).cards, []);
});

test('an answer for the whole fold corrects each of its rows once, tells the incident, and leaves the queue', async () => {
  await fillQueue([4, 1]);
  const { results, progress } = await answer({
    ...held('ann', only((await next('ann')).cards)),
    ...{ completion: 'spam', apply_to: 'fold' },
  });
  assert.deepEqual(
    results.map((result) => result.status),
    ['stored', 'stored', 'stored', 'stored'],
  );
  assert.equal(progress?.text, '4 of 3');
  assert.deepEqual(told, [results.map((result) => result.id)]);
  assert.equal(await waiting(), 1);
  assert.equal(only((await next('ann')).cards).card.request_id, '1.0');
});

test('an answer for one row, or for some, gives the rest of the card back', async () => {
  await fillQueue([4]);
  await answer({ ...held('ann', only((await next('ann')).cards)), completion: 'spam' });
  const second = only((await next('bob')).cards);
  assert.deepEqual([second.card.request_id, second.card.answers], ['0.1', 3]);
  const wrong = await refused('/api/review/answer', { ...held('bob', second), completion: 'x', apply_to: ['0.0'] });
  assert.deepEqual([wrong.status, wrong.error.code], [400, 'invalid_request']);
  await answer({ ...held('bob', second), completion: 'spam', apply_to: ['0.1', '0.3'] });
  assert.equal(only((await next('ann')).cards).card.request_id, '0.2');
});

test('"the model was right" is a correction equal to each row’s own response, which does not count', async () => {
  await fillQueue([2]);
  const { progress } = await answer({
    ...held('ann', only((await next('ann')).cards)),
    ...{ right: true, apply_to: 'fold' },
  });
  assert.equal(progress?.text, '0 of 3');
  const rows = await database.db.query(
    `select completion, equals_response from relearn.corrections order by completion`,
  );
  assert.deepEqual(rows, [
    { completion: 'no 0.0', equals_response: true },
    { completion: 'no 0.1', equals_response: true },
  ]);
});

test('whoever comes too late is told who was first, and when', async () => {
  await fillQueue([2]);
  const card = held('ann', only((await next('ann')).cards));
  const stolen = await refused('/api/review/answer', { ...card, operator: 'bob', completion: 'spam' });
  assert.deepEqual([stolen.status, stolen.error.code], [409, 'review_conflict']);
  assert.match(stolen.error.message, /^ann holds this card until 20\d\d-/);
  await storeCorrections(database.db, [{ requestId: '0.0', completion: 'spam', operator: 'carl', source: 'signal' }]);
  const late = await refused('/api/review/answer', { ...card, completion: 'ham' });
  assert.match(late.error.message, /^carl answered this row at 20\d\d-/);
  assert.deepEqual(Object.keys(late.error.details ?? {}), ['what', 'operator', 'at']);
});

test('a lease that ran out gives the card to others; unless one took it, the answer still counts', async () => {
  await fillQueue([1]);
  const { db } = database;
  const expire = () => db.query(`update relearn.review_queue set leased_until = now() - interval '1 second'`);
  const first = only((await next('ann')).cards);
  assert.deepEqual((await next('bob')).cards, []);
  await expire();
  const second = only((await next('bob')).cards);
  assert.equal(second.card.request_id, first.card.request_id);
  assert.equal((await refused('/api/review/answer', { ...held('ann', first), completion: 'spam' })).status, 409);
  assert.equal((await refused('/api/review/renew', { operator: 'ann', lease: first.lease })).status, 409);
  await expire();
  assert.equal((await answer({ ...held('bob', second), completion: 'spam' })).accepted, 1);
});

test('renewing holds a card for longer, releasing gives it back at once', async () => {
  await fillQueue([2]);
  const { lease, until } = only((await next('ann')).cards);
  const renewed = await call('/api/review/renew', schemas.renewResponse, { operator: 'ann', lease, lease_minutes: 60 });
  assert.ok(renewed.until > until);
  const released = await app.inject({
    ...{ method: 'POST', url: '/api/review/release' },
    payload: { operator: 'ann', lease },
  });
  assert.equal(released.statusCode, 204);
  assert.equal(only((await next('bob')).cards).card.request_id, '0.0');
});

test('a page that was closed gets its card back; one that shows it already gets the next', async () => {
  await fillQueue([2, 1]);
  const first = only((await next('ann')).cards);
  const again = only((await next('ann')).cards);
  assert.deepEqual([again.lease, again.card.request_id], [first.lease, '0.0']);
  const ahead = only((await next('ann', { held: [first.lease] })).cards);
  assert.equal(ahead.card.request_id, '1.0');
});

test('a skipped card goes to others at once and comes back to its skipper later', async () => {
  await fillQueue([2]);
  await call('/api/review/skip', schemas.actionResponse, held('ann', only((await next('ann')).cards)));
  assert.deepEqual((await next('ann')).cards, []);
  const other = only((await next('bob')).cards);
  await call('/api/review/skip', schemas.actionResponse, held('bob', other));
  assert.deepEqual((await next('ann')).cards, []);
  await database.db.query(`update relearn.review_queue set skipped_until = now() - interval '1 second'`);
  assert.equal(only((await next('ann')).cards).card.request_id, '0.0');
});

test('a removed row never returns, also when it is tagged again', async () => {
  await fillQueue([1]);
  await call('/api/review/remove', schemas.actionResponse, held('ann', only((await next('ann')).cards)));
  await addTags(database.db, { tag: 'operator_review', requestIds: ['0.0'], source: 'operator' });
  assert.deepEqual([(await next('bob')).cards, await waiting()], [[], 0]);
});

test('undo takes back an answer, a skip and a removal, and gives the card again', async () => {
  await fillQueue([2]);
  const card = held('ann', only((await next('ann')).cards));
  await answer({ ...card, completion: 'spam', apply_to: 'fold' });
  const undo = () => call('/api/review/undo', schemas.undoResponse, { operator: 'ann' });
  const undone = await undo();
  assert.deepEqual([undone.undone, undone.progress?.text, only(undone.cards).card.answers], ['answer', '0 of 3', 2]);
  const again = held('ann', only(undone.cards));
  const repeated = await answer({ ...again, completion: 'spam', apply_to: 'fold' });
  assert.deepEqual([repeated.accepted, repeated.progress?.text], [2, '2 of 3']);
  await call('/api/review/skip', schemas.actionResponse, held('ann', only((await undo()).cards)));
  await call('/api/review/remove', schemas.actionResponse, held('ann', only((await undo()).cards)));
  assert.equal(await waiting(), 1);
  assert.equal(only((await undo()).cards).card.request_id, '0.0');
});

test('who takes back one answer and then another may still say the first', async () => {
  await fillQueue([1]);
  let card = held('ann', only((await next('ann')).cards));
  for (const completion of ['spam', 'eggs', 'spam']) {
    await answer({ ...card, completion });
    const { cards } = await call('/api/review/undo', schemas.undoResponse, { operator: 'ann' });
    card = held('ann', only(cards));
  }
  assert.equal((await answer({ ...card, completion: 'spam' })).progress?.text, '1 of 3');
});

test('what a dataset has learned is not taken back', async () => {
  await fillQueue([1]);
  const { results } = await answer({ ...held('ann', only((await next('ann')).cards)), completion: 'spam' });
  await database.db.query(`insert into relearn.models (name) values ('mail') on conflict do nothing`);
  await database.db.query(
    `insert into relearn.datasets (id, model, path, rows, manifest) values ('d', 'mail', 'd', 1, '{}')`,
  );
  await database.db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split) values ('d', '0.0', $1, 'train')`,
    [only(results).id],
  );
  const { status, error } = await refused('/api/review/undo', { operator: 'ann' });
  assert.deepEqual([status, error.code], [409, 'nothing_to_undo']);
  assert.equal(await waiting(), 0);
});

test('the correction of the most similar prompt is suggested as such, and counts for nothing', async () => {
  await fillQueue([1]);
  await insertRows(database.db, [
    newRow({ requestId: 'like', prompt: 'Prompt number 0, please' }),
    newRow({ requestId: 'unlike', prompt: 'what does the weather do' }),
  ]);
  const corrections = ['like', 'unlike'].map((id) => ({ requestId: id, completion: `of ${id}` }));
  await storeCorrections(
    database.db,
    corrections.map((correction) => ({ ...correction, operator: 'carl', source: 'api' })),
  );
  const { cards, progress } = await next('ann');
  const [suggestion] = only(cards).card.suggestions;
  assert.deepEqual([suggestion?.source, suggestion?.completion], ['nearest_correction', 'of like']);
  assert.equal(progress?.text, '0 of 3');
});

test('an answer that says nothing, too much or the unspeakable is refused, and the card stays', async () => {
  await fillQueue([1]);
  const card = held('ann', only((await next('ann')).cards));
  for (const wrong of [
    {},
    { completion: 'x', right: true },
    { completion: ' ' },
    { completion: 'x', apply_to: 'all' },
  ]) {
    const { status, error } = await refused('/api/review/answer', { ...card, ...wrong });
    assert.deepEqual([status, error.code], [400, 'invalid_request']);
  }
  assert.equal((await refused('/api/review/next', { operator: 'ann', model: 'none' })).error.code, 'model_not_found');
  assert.equal((await answer({ ...card, completion: 'x' })).accepted, 1);
  assert.ok(!lines.some((line) => line.includes('was not filled')));
});

test('a cluster narrows the queue to its rows, and a reviewer’s other cards do not come with it', async () => {
  await fillQueue([1, 2, 1]);
  const { db } = database;
  await db.query(
    `insert into relearn.clusters (model, key, kind, terms) values ('mail', 'cluster/7', 'found', '{loan,cost}')
     on conflict do nothing`,
  );
  await db.query(
    `insert into relearn.cluster_members (model, key, request_id) values ('mail', 'cluster/7', '1.1') on conflict do nothing`,
  );
  await addTags(db, { tag: 'cluster/7', requestIds: ['2.0'], source: 'drift' });
  const whole = only((await next('ann')).cards);
  assert.equal(whole.card.request_id, '0.0');
  const { cards, waiting: left } = await next('ann', { cluster: 'cluster/7', count: 3 });
  assert.deepEqual(
    cards.map(({ card }) => card.request_id),
    ['1.1', '2.0'],
  );
  assert.equal(left, 2);
  const path = '/api/review/state?model=mail&cluster=';
  const { cluster } = await call(`${path}cluster/7`, schemas.stateResponse);
  assert.deepEqual([cluster?.name, cluster?.wanted], ['loan, cost', 50]);
  assert.equal((await call(`${path}gone`, schemas.stateResponse)).cluster, null);
});

test('who reviews is named with what they hold and what they answered; what was said of a row comes latest first', async () => {
  await fillQueue([1, 1, 1]);
  const first = only((await next('ann')).cards);
  await answer({ ...held('ann', first), completion: 'spam' });
  await next('bob', { count: 2 });
  const { reviewers, waiting: left, progress } = await call('/api/review/state?model=mail', schemas.stateResponse);
  assert.deepEqual(reviewers, [
    { operator: 'ann', holds: 0, answered: 1 },
    { operator: 'bob', holds: 2, answered: 0 },
  ]);
  assert.deepEqual([left, progress?.text], [2, '1 of 3']);
  await storeCorrections(database.db, [{ requestId: '0.0', completion: 'ham', operator: 'eve', source: 'api' }]);
  const { said } = await call('/api/review/said?request_id=0.0', schemas.saidResponse);
  assert.deepEqual(
    said.map(({ operator, completion }) => [operator, completion]),
    [
      ['eve', 'ham'],
      ['ann', 'spam'],
    ],
  );
});

test('who lost a card hears who took it over', async () => {
  await fillQueue([1]);
  const { lease, card } = only((await next('ann')).cards);
  await database.db.query(`update relearn.review_queue set leased_until = now() - interval '1 second'`);
  await next('bob');
  const { error } = await refused('/api/review/renew', { operator: 'ann', lease, request_id: card.request_id });
  assert.match(error.message, /^bob holds this card until/);
});
