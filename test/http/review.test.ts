import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { buildReview } from '../../src/http/review.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { addTags } from '../../src/tag/tags.ts';
import type { RetrainTrigger } from '../../src/temporal.ts';
import { newRow } from '../log/new-row.ts';
import { setChampion } from '../serve/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { memoryLogger, silentSignals, testConfig } from './fixtures.ts';
import { patienceMs } from '../until.ts';

let database: TestDatabase;
let app: FastifyInstance;
const { logger, lines } = memoryLogger();
const config = testConfig({
  models: {
    mail: {
      serve: { kind: 'onnx' },
      retrain: { minCorrected: 3 },
      evals: { pack: 'eval.jsonl', gates: [{ min: 0.9 }] },
    },
    chat: { serve: { kind: 'onnx' } },
  },
});

/** Temporal, as the review API sees it. Null: it does not answer. */
let temporal: { recorded: [string, string, string[]][]; started: string[]; triggers: RetrainTrigger[] } | null;
let decided: unknown[] = [];
const running = () => {
  if (temporal === null) throw new Error('connection refused');
  return temporal;
};

before(async () => {
  database = await createTestDatabase();
  const { db } = database;
  await ensureAhead(db, 1);
  for (const model of ['mail', 'chat']) {
    const version = await registerVersion(db, {
      model,
      kind: 'onnx',
      artifact: 'a'.repeat(64),
      dataset: null,
      parent: null,
      run: null,
      lowConfidenceBelow: null,
      metadata: {},
    });
    await setChampion(db, model, version);
  }
  app = buildReview({
    queuePatienceMs: patienceMs,
    config,
    db,
    logger,
    signal: {
      ...silentSignals,
      async correctionsRecorded(model, incident, ids) {
        running().recorded.push([model, incident, [...ids]]);
      },
      async startDriftResponse(_model, incident) {
        running().started.push(incident);
      },
      async decide(model, incident, name, decision) {
        running();
        decided.push([model, incident, name, decision]);
      },
      async triggerRetrain(_model, trigger) {
        running().triggers.push(trigger);
      },
      async eraseUser() {
        return '0123456789abcdef';
      },
    },
  });
});
after(async () => {
  await app.close();
  await database.close();
});

async function call(options: InjectOptions | string) {
  const response = await app.inject(options);
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
}
const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  call({ method: 'POST', url, payload, headers });

async function reset() {
  temporal = { recorded: [], started: [], triggers: [] };
  await database.db.query(
    `truncate relearn.samples, relearn.recent, relearn.pins, relearn.tags, relearn.corrections, relearn.incidents, relearn.drift_events,
       relearn.review_queue`,
  );
  return temporal;
}

/** Opens an incident of mail by the API, with this many rows tagged. Returns its id and theirs. */
async function openIncident(rows: number) {
  const told = await reset();
  const { body } = await post('/api/drift-events', { model: 'mail', event_id: 'e1' });
  const incident = String(body['incident']);
  const stored = Array.from({ length: rows }, () => newRow());
  await insertRows(database.db, stored);
  const requestIds = stored.map((row) => row.requestId);
  await addTags(database.db, { tag: 'post_drift', requestIds, source: 'drift', incident });
  return { told, incident, requestIds };
}

test('corrections are stored, tell the open incident once, and leave the queue', async () => {
  const { told, incident, requestIds } = await openIncident(4);
  const corrections = requestIds.slice(0, 2).map((id) => ({ request_id: id, completion: 'spam' }));
  const { status, body } = await post('/api/corrections', {
    operator: 'ann',
    corrections: [...corrections, { request_id: 'nobody', completion: 'spam' }, { request_id: 'x', completion: ' ' }],
  });
  assert.equal(status, 200);
  assert.equal(body['accepted'], 2);
  const results = body['results'] as { request_id: string; status: string; id?: string; reason?: string }[];
  assert.deepEqual(
    results.map((result) => result.status),
    ['stored', 'stored', 'unknown_request', 'invalid'],
  );
  assert.match(results[2]?.reason ?? '', /no production row/);
  assert.deepEqual(told.recorded, [['mail', incident, [results[0]?.id, results[1]?.id]]]);

  const queue = await call('/api/review?model=mail');
  assert.equal(queue.body['waiting'], 2);
  const shown = await call(`/api/incidents/${incident}`);
  assert.deepEqual(
    [shown.body['rows'], shown.body['corrected'], shown.body['counted'], shown.body['progress']],
    [4, 2, 2, '2 of 3 corrected'],
  );
});

test('one correction needs no list', async () => {
  const { told, requestIds } = await openIncident(1);
  const { body } = await post('/api/corrections', { request_id: requestIds[0], completion: 'spam', operator: 'ann' });
  assert.equal(body['accepted'], 1);
  assert.equal(told.recorded.length, 1);
});

test('a bare list is taken, and each correction of a list may name its own operator', async () => {
  const { requestIds } = await openIncident(4);
  const [a, b, c, d] = requestIds;
  const bare = await post('/api/corrections', [
    { request_id: a, completion: 'spam', operator: 'ann' },
    { request_id: b, completion: 'spam', operator: 'bob' },
  ]);
  assert.deepEqual([bare.status, bare.body['accepted']], [200, 2]);
  const named = await post('/api/corrections', {
    operator: 'ann',
    corrections: [
      { request_id: c, completion: 'spam' },
      { request_id: d, completion: 'spam', operator: 'cy' },
    ],
  });
  assert.equal(named.body['accepted'], 2);
  const said = await database.db.query<{ operator: string }>(
    `select operator from relearn.corrections where request_id = any($1) order by seq`,
    [requestIds],
  );
  assert.deepEqual(
    said.map(({ operator }) => operator),
    ['ann', 'bob', 'ann', 'cy'],
  );
  const nobody = await post('/api/corrections', { corrections: [{ request_id: a, completion: 'spam' }] });
  assert.equal(nobody.status, 400);
});

test('JSONL is taken by each of its names', async () => {
  const { requestIds } = await openIncident(1);
  const payload = JSON.stringify({ request_id: requestIds[0], completion: 'spam', operator: 'ann' });
  for (const name of ['x-ndjson', 'ndjson', 'jsonl', 'x-jsonl', 'jsonlines', 'x-jsonlines']) {
    const headers = { 'content-type': `application/${name}; charset=utf-8` };
    const { body } = await call({ method: 'POST', url: '/api/corrections', payload, headers });
    assert.equal(Number(body['stored']) + Number(body['repeated']), 1, name);
  }
});

test('corrections of a model without an open incident are stored and tell nobody', async () => {
  const told = await reset();
  const row = newRow({ model: 'chat' });
  await insertRows(database.db, [row]);
  const correction = { request_id: row.requestId, completion: 'spam', operator: 'ann' };
  assert.equal((await post('/api/corrections', correction)).body['accepted'], 1);
  assert.deepEqual(told.recorded, []);
});

test('a correction equal to the response is counted as corrected, but not towards a retrain', async () => {
  const { incident, requestIds } = await openIncident(1);
  await post('/api/corrections', { request_id: requestIds[0], completion: 'ham', operator: 'ann' });
  const { body } = await call(`/api/incidents/${incident}`);
  assert.deepEqual([body['corrected'], body['counted'], body['progress']], [1, 0, '0 of 3 corrected']);
});

test('with Temporal down corrections are stored with a warning, and sending them again tells the incident', async () => {
  const { incident, requestIds } = await openIncident(1);
  const correction = { request_id: requestIds[0], completion: 'call ann@example.com', operator: 'ann' };
  temporal = null;
  const first = await post('/api/corrections', correction);
  assert.equal(first.status, 202);
  assert.match(String(first.body['warning']), /stored, but driftResponse could not be told/);
  const [stored] = await database.db.query<{ id: string; completion: string }>(
    `select id, completion from relearn.corrections`,
  );
  assert.equal(stored?.completion, 'call [EMAIL]');
  assert.doesNotMatch(lines.join(''), /ann@example/);

  temporal = { recorded: [], started: [], triggers: [] };
  const again = await post('/api/corrections', correction);
  assert.deepEqual([again.status, again.body['accepted']], [200, 0]);
  assert.deepEqual(temporal.recorded, [['mail', incident, [stored.id]]]);
});

test('a drift event opens one incident, however often it is sent, and its response is asked for each time', async () => {
  const told = await reset();
  const event = { model: 'mail', event_id: 'e7', monitor: 'mine', reason: 'ann@example.com saw it' };
  const first = await post('/api/drift-events', event);
  const again = await post('/api/drift-events', event);
  assert.deepEqual([first.body['created'], again.body['created']], [true, false]);
  assert.deepEqual(told.started, [first.body['incident'], first.body['incident']]);
  const { body } = await call('/api/incidents?model=mail');
  const incidents = body['incidents'] as { id: string; monitor: string; figures: object; state: string }[];
  assert.deepEqual(
    incidents.map(({ id, monitor, figures, state }) => ({ id, monitor, figures, state })),
    [{ id: first.body['incident'], monitor: 'mine', figures: { reason: '[EMAIL] saw it' }, state: 'open' }],
  );
});

test('a drift event with Temporal down is kept with a warning; one of a closed incident starts nothing', async () => {
  await reset();
  temporal = null;
  const event = { model: 'mail', event_id: 'e8' };
  const first = await post('/api/drift-events', event);
  assert.equal(first.status, 202);
  await database.db.query(`update relearn.incidents set state = 'closed'`);
  const again = await post('/api/drift-events', event);
  assert.deepEqual([again.status, again.body['state'], again.body['created']], [200, 'closed', false]);
});

test('tags of operators are stored, and unknown request ids are named', async () => {
  await reset();
  const row = newRow();
  await insertRows(database.db, [row]);
  const { body } = await post('/api/tags', { tag: 'tone', request_ids: [row.requestId, 'nobody'], operator: 'ann' });
  assert.deepEqual(body, { tagged: [row.requestId], unknown: ['nobody'] });
  const queue = await call('/api/review');
  assert.equal(queue.body['waiting'], 1);
});

test('models are listed with versions, champion, certificate and gates', async () => {
  await database.db.query(
    `insert into relearn.certificates (id, model, version, kind, passed, content)
     values ('c1', 'mail', 'v1', 'first', true, '{"gates": []}')`,
  );
  const { body } = await call('/api/models');
  const [mail] = body['models'] as {
    model: string;
    champion: string;
    gates: { min: number }[];
    versions: { version: string; certificate: { kind: string; passed: boolean } }[];
  }[];
  assert.deepEqual([mail?.model, mail?.champion, mail?.gates[0]?.min], ['mail', 'v1', 0.9]);
  assert.deepEqual([mail?.versions[0]?.certificate.kind, mail?.versions[0]?.certificate.passed], ['first', true]);
});

test('a person asks for a retrain; with Temporal down the answer says so', async () => {
  const told = await reset();
  assert.equal((await post('/api/retrain', { model: 'mail', operator: 'ann' })).status, 202);
  assert.deepEqual(told.triggers, [{ kind: 'manual', by: 'ann' }]);
  temporal = null;
  const { status, body } = await post('/api/retrain', { model: 'mail', operator: 'ann' });
  assert.deepEqual([status, body], [503, { error: { ...(body['error'] as object), code: 'temporal_unavailable' } }]);
});

test('a person closes an incident or asks for its retrain with a reason; with Temporal down the answer says so', async () => {
  const { incident } = await openIncident(1);
  decided = [];
  const asked = { operator: 'ann', reason: 'write to ann@example.com' };
  assert.equal((await post(`/api/incidents/${incident}/retrain`, asked)).status, 202);
  assert.equal((await post(`/api/incidents/${incident}/close`, asked)).status, 202);
  const decision = { by: 'ann', reason: 'write to [EMAIL]' };
  assert.deepEqual(decided, [
    ['mail', incident, 'retrainNow', decision],
    ['mail', incident, 'closeReview', decision],
  ]);
  assert.equal((await post(`/api/incidents/${incident}/close`, { operator: 'ann' })).status, 400);
  temporal = null;
  assert.equal((await post(`/api/incidents/${incident}/close`, asked)).status, 503);
  await database.db.query(`update relearn.incidents set state = 'closed'`);
  assert.equal((await post(`/api/incidents/${incident}/close`, asked)).status, 409);
});

test('a stream of corrections stores the good lines, tells the wrong ones by number, and notes it in the audit', async () => {
  const { told, incident, requestIds } = await openIncident(2);
  const lines = [...requestIds.map((request_id) => JSON.stringify({ request_id, completion: 'spam' })), '{'];
  const { status, body } = await call({
    ...{ method: 'POST', url: '/api/corrections?operator=ann', payload: lines.join('\n') },
    headers: { 'content-type': 'application/x-ndjson' },
  });
  assert.deepEqual([status, body['stored'], body['invalid']], [200, 2, 1]);
  assert.deepEqual((body['problems'] as { line: number }[])[0]?.line, 3);
  assert.equal(told.recorded.length, 1);
  const csv = `request_id,completion,operator\n${requestIds[0]},ham,bob\n`;
  const given = await call({
    ...{ method: 'POST', url: '/api/corrections', payload: csv, headers: { 'content-type': 'text/csv' } },
  });
  assert.equal(given.body['stored'], 1);
  const shown = await call(`/api/incidents/${incident}`);
  assert.equal(shown.body['disagreements'], 1);
  const bulk = await database.db.query(
    `select actor from relearn.audit where action = 'correct_in_bulk' order by id desc`,
  );
  assert.deepEqual(bulk.slice(0, 2), [{ actor: 'an import' }, { actor: 'ann' }]);
});

test('a filter tags many rows after a preview of how many, and takes the tag off again', async () => {
  await reset();
  const rows = [newRow({ prompt: 'refund one' }), newRow({ prompt: 'refund two' }), newRow({ prompt: 'other' })];
  await insertRows(database.db, rows);
  const wanted = { tag: 'refunds', operator: 'ann', filter: { model: 'mail', prompt: 'refund' } };
  assert.deepEqual((await post('/api/tags', { ...wanted, dry_run: true })).body, { rows: 2 });
  assert.deepEqual((await call('/api/tags?model=mail')).body, { tags: [] });
  assert.deepEqual((await post('/api/tags', wanted)).body, { rows: 2 });
  assert.deepEqual((await call('/api/tags?model=mail')).body, { tags: [{ tag: 'refunds', rows: 2 }] });
  assert.equal((await call('/api/review?tag=refunds')).body['waiting'], 2);
  assert.equal((await call('/api/review?tag=none')).body['waiting'], 0);
  const off = { ...wanted, action: 'remove', filter: { model: 'mail' } };
  assert.deepEqual((await post('/api/tags', off)).body, { rows: 2 });
  const { body } = await call(`/api/tags?request_id=${rows[0]?.requestId}`);
  assert.deepEqual(
    (body['history'] as { change: string }[]).map(({ change }) => change),
    ['added', 'removed'],
  );
  const [audit] = await database.db.query(`select actor, action, details from relearn.audit order by id desc limit 1`);
  assert.deepEqual(audit, { actor: 'ann', action: 'remove_tag', details: { rows: 2, filter: ['model'] } });
  assert.equal((await post('/api/tags', { ...wanted, filter: { model: 'mail', prompt: '(' } })).status, 400);
});

test('a dry run and a filter beside request ids are refused, and tag nothing', async () => {
  await reset();
  const row = newRow({});
  await insertRows(database.db, [row]);
  const change = { tag: 'mine', operator: 'ann', request_ids: [row.requestId] };
  assert.equal((await post('/api/tags', { ...change, dry_run: true })).status, 400);
  assert.equal((await post('/api/tags', { ...change, filter: { model: 'mail' } })).status, 400);
  assert.deepEqual((await call('/api/tags?model=mail')).body, { tags: [] });
});

const wrong: [name: string, request: InjectOptions, status: number, code: string, message: RegExp][] = [
  [
    'no operator',
    { url: '/api/corrections', payload: { request_id: 'a', completion: 'b' } },
    400,
    'invalid_request',
    /^operator/,
  ],
  [
    'no corrections',
    { url: '/api/corrections', payload: { operator: 'a', corrections: [] } },
    400,
    'invalid_request',
    /^corrections/,
  ],
  [
    'a completion of a wrong type',
    { url: '/api/corrections', payload: { operator: 'a', corrections: [{ request_id: 'a', completion: 4 }] } },
    400,
    'invalid_request',
    /^corrections\.0\.completion/,
  ],
  [
    'malformed JSON',
    { url: '/api/corrections', payload: '{', headers: { 'content-type': 'application/json' } },
    400,
    'malformed_json',
    /JSON/,
  ],
  [
    'a tag of control characters',
    { url: '/api/tags', payload: { tag: 'a\0', request_ids: ['a'], operator: 'a' } },
    400,
    'invalid_request',
    /^tag/,
  ],
  [
    'an event of an unknown model',
    { url: '/api/drift-events', payload: { model: 'other', event_id: 'e' } },
    404,
    'model_not_found',
    /mail, chat/,
  ],
  [
    'an event of tomorrow',
    { url: '/api/drift-events', payload: { model: 'mail', event_id: 'e', detected_at: '2999-01-01T00:00:00Z' } },
    400,
    'invalid_request',
    /^detected_at/,
  ],
  ['a page of nothing', { method: 'GET', url: '/api/review?limit=0' }, 400, 'invalid_request', /^limit/],
  [
    'an unknown incident',
    { method: 'GET', url: '/api/incidents/none' },
    404,
    'incident_not_found',
    /GET \/api\/incidents/,
  ],
  ['an unknown route', { method: 'GET', url: '/api/none' }, 404, 'route_not_found', /openapi\.json describes/],
];
for (const [name, request, status, code, message] of wrong) {
  test(`${name}: ${code}`, async () => {
    const given = await call({ method: 'POST', ...request });
    const error = given.body['error'] as { code: string; message: string };
    assert.deepEqual([given.status, error.code], [status, code]);
    assert.match(error.message, message);
  });
}

test('another Host is refused, loopback and the configured one are not', async () => {
  for (const host of [
    'evil.example',
    'evil.example:8081',
    '10.0.0.1',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ]) {
    assert.equal((await call({ url: '/api/models', headers: { host } })).status, 403, host);
  }
  for (const host of ['localhost:8081', '127.0.0.1:8081', '[::1]:8081', 'LOCALHOST']) {
    assert.equal((await call({ url: '/api/models', headers: { host } })).status, 200, host);
  }
  const named = buildReview({
    config: testConfig({ console: { host: 'review.internal' } }),
    db: database.db,
    logger,
    signal: silentSignals,
  });
  assert.equal((await named.inject({ url: '/healthz', headers: { host: 'review.internal:80' } })).statusCode, 200);
  await named.close();
});

test('a POST of another origin is refused, one of our own page is not', async () => {
  await reset();
  const tag = { tag: 'tone', request_ids: ['a'], operator: 'ann' };
  for (const origin of ['https://evil.example', 'null', 'http://localhost:9999']) {
    assert.equal((await post('/api/tags', tag, { host: 'localhost:8081', origin })).status, 403, origin);
  }
  const own = await post('/api/tags', tag, { host: 'localhost:8081', origin: 'http://localhost:8081' });
  assert.equal(own.status, 200);
});
