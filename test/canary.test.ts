import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Runtime } from '@temporalio/worker';
import type { FastifyInstance } from 'fastify';
import { deployVersion } from '../infra/deploy.ts';
import { temporalLogger } from '../infra/logger.ts';
import { openReviewSignals, type OpenReviewSignals } from '../infra/review-signals.ts';
import { KnownTexts } from '../src/convert/copies.ts';
import { writeLines } from '../src/convert/dataset-files.ts';
import { readReplay } from '../src/convert/replay.ts';
import { openDatabase } from '../src/database.ts';
import { buildGateway } from '../src/http/gateway.ts';
import { followKeys, type Keys } from '../src/http/keys-follow.ts';
import { createKey, splitKey } from '../src/http/keys.ts';
import { buildReview } from '../src/http/review.ts';
import { startFakeAnalyzer } from './log/redact/fake-analyzer.ts';
import { exportLog } from '../src/log/export.ts';
import { createRedactor } from '../src/log/redact/index.ts';
import { openLogWriter } from '../src/log/writer.ts';
import { createAnswerer } from '../src/serve/answer.ts';
import { createAnswerLog } from '../src/serve/log-answer.ts';
import { registerVersion } from '../src/promote/registry.ts';
import { createTrainer } from '../src/retrain/create-trainer.ts';
import { openJobStore } from '../src/retrain/jobs/job-store.ts';
import { taskQueue, workflowId } from '../src/temporal.ts';
import { examples, hashKey, knownTopics, model, newTopics, startLoop, until, type Loop } from './loop.ts';
import { startFakeFineTuningApi } from './retrain/jobs/fake-fine-tuning-api.ts';
import { fakeChunk, fakeCompletion, startFakeUpstream } from './serve/fake-upstream.ts';

/** What only the memory of the process that got it may hold. */
const identifiers = ['canary.bird@example.com', '+1 415 555 2671', '536-22-8726', 'canary-user-4711'];
/** Known to the second redactor only. */
const person = 'Canaria Birdwell';
/** A plain word of a user: redaction leaves it, so the database has it; logs, metrics, errors and histories must not. */
const word = 'xylocanary';
const text = `${word}: write to canary.bird@example.com or call +1 415 555 2671, my number is 536-22-8726. ${person}`;

/** A model behind a fake endpoint, which repeats what users say. */
const chat = 'chat';

let loop: Loop;
let gateway: FastifyInstance;
let review: FastifyInstance;
let analyzer: Awaited<ReturnType<typeof startFakeAnalyzer>>;
let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
let signals: OpenReviewSignals;
let keys: Keys;
/** Of a key that works: shown to who made it, and to nobody else. */
let keySecret: string;
let bearer: { authorization: string };
/** Everything any endpoint answered with an error. */
const errors: string[] = [];

before(async () => {
  upstream = await startFakeUpstream(() => fakeCompletion(text));
  analyzer = await startFakeAnalyzer([person]);
  loop = await startLoop((settings) => {
    Object.assign(settings.log, { redaction: { chain: analyzer.chain } });
    const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big' };
    Object.assign(settings.models, { [chat]: { serve } });
  });
  const endpoint = { kind: 'upstream' as const, artifact: null, dataset: null, parent: null, run: null };
  const version = { ...endpoint, model: chat, lowConfidenceBelow: null, metadata: {} };
  const registered = await registerVersion(loop.database.db, version);
  await deployVersion(loop.runtime, chat, registered, { actor: 'test', reason: 'first' });
  await loop.champions.refresh();
  Runtime.install({ logger: temporalLogger(loop.logger) });
  await loop.startWorker();
  const { config, answerer, champions, log, logger } = loop;
  const { db } = loop.database;
  signals = openReviewSignals(loop.runtime);
  const { key } = await createKey(db, { name: 'canary test', scopes: ['admin'], expiresAt: null, actor: 'ann' });
  keySecret = splitKey(key)?.secret ?? '';
  bearer = { authorization: `Bearer ${key}` };
  keys = await followKeys({ db, logger, maxAgeMs: 60_000 });
  gateway = buildGateway({ config, answerer, champions, db, log, hashKey, logger, keys });
  review = buildReview({ config, db, signal: signals, logger, keys });
});
after(async () => {
  await gateway.close();
  await review.close();
  await signals.close();
  await keys.close();
  await loop.close();
  await upstream.close();
  await analyzer.close();
});

async function post(app: FastifyInstance, url: string, payload: object | string, headers: Record<string, string> = {}) {
  const response = await app.inject({
    ...{ method: 'POST', url, payload },
    headers: { 'content-type': 'application/json', host: '127.0.0.1', ...bearer, ...headers },
  });
  if (response.statusCode >= 400) errors.push(response.body);
  return response;
}

/** As clients without a field for it name their user. */
const userInHeader = { 'x-user-id': 'canary.bird@example.com' };

/** Canaries in a stream, in the arguments of a tool call, in a picture's address and in an endpoint's errors. */
async function talkToEndpoint(): Promise<void> {
  const picture = { type: 'image_url', image_url: { url: `https://host/${identifiers[0] ?? ''}` } };
  const said = { type: 'text', text };
  const call = { id: 'call_1', type: 'function', function: { name: 'mail', arguments: JSON.stringify({ to: text }) } };
  const messages = [
    { role: 'user', content: [said, picture], name: identifiers[0] },
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_1', content: text },
  ];
  const parameters = { type: 'object', properties: { [text]: { type: 'string', enum: [text], default: text } } };
  const tools = [{ type: 'function', function: { name: 'mail', description: text, parameters } }];
  const functions = [{ name: 'older', description: text, parameters }];
  const ask = { model: chat, messages, user: 'canary-user-4711', tools, functions };
  const headers = { host: '127.0.0.1', ...bearer };
  await post(gateway, '/v1/chat/completions', { model: chat, messages }, userInHeader);
  const answer = (payload: object) => gateway.inject({ method: 'POST', url: '/v1/chat/completions', payload, headers });
  assert.ok((await answer(ask)).body.includes(word));
  upstream.become(() => fakeCompletion({ content: null, tool_calls: [call] }));
  assert.ok((await answer(ask)).body.includes(word));
  const pieces = text.match(/.{1,7}/g) ?? [];
  for (const then of ['done', 'break'] as const) {
    upstream.become(() => ({ chunks: pieces.map((content) => fakeChunk({ content })), then }));
    assert.ok((await answer({ ...ask, stream: true })).body.includes('canary'));
  }
  // The client's own words come back to it in its endpoint's error, identifiers redacted; `errors` are ours alone.
  upstream.become(() => ({ status: 400, body: { error: { message: text, code: text } } }));
  const { body } = await answer(ask);
  assertAbsent("an endpoint's error", [body], identifiers);
  for (const broken of [`{"choices": ${text}`, text]) {
    upstream.become(() => ({ body: broken }));
    await post(gateway, '/v1/chat/completions', ask);
  }
  upstream.become(() => ({ status: 500, body: text }));
  await post(gateway, '/v1/chat/completions', ask);
  await loop.log.flush();
}

async function turnTheLoop(): Promise<void> {
  await talkToEndpoint();
  await loop.send(examples(knownTopics, 150, 40_000));
  const first = await post(gateway, '/chat', { prompt: text, model, user_id: 'canary-user-4711' });
  const { request_id: requestId } = first.json<{ request_id: string }>();
  const messages = [
    { role: 'system', content: text },
    { role: 'user', content: text },
  ];
  await post(gateway, '/v1/chat/completions', { model, messages, user: 'canary-user-4711' });
  await post(gateway, '/v1/chat/completions', { model, messages }, userInHeader);
  await loop.log.flush();
  await post(gateway, '/v1/feedback', { request_id: requestId, kind: 'report', comment: text, correction: text });

  for (const wrong of [
    `{"model":"${text}"`,
    { model: text, messages },
    { model, messages: text },
    { model, [text]: 1 },
  ]) {
    await post(gateway, '/v1/chat/completions', wrong);
  }
  await post(gateway, '/chat', { prompt: { text } });
  await post(gateway, '/v1/feedback', { request_id: text, kind: text, comment: text });
  for (const wrong of [`Bearer ${word}`, `Bearer rl_${'0'.repeat(16)}_${keySecret}`, text]) {
    for (const app of [gateway, review]) await post(app, '/', { prompt: text }, { authorization: wrong });
    await post(gateway, '/chat', { prompt: text }, { authorization: wrong });
    await post(review, '/api/tags', { tag: text }, { authorization: wrong });
  }
  await post(gateway, `/${encodeURIComponent(text)}`, {});
  await post(review, '/api/corrections', { operator: 'ann', corrections: [{ request_id: requestId, completion: 7 }] });
  await post(review, '/api/corrections', { operator: 'ann', request_id: requestId, completion: text });
  await post(review, '/api/drift-events', { model: text, event_id: text, reason: text });
  await post(review, '/api/tags', { operator: 'ann', tag: text.slice(0, 200), request_ids: [requestId], reason: text });
  await post(review, '/api/tags', { operator: 'ann', tag: 'mine', filter: { model, tag: text.slice(0, 200) } });
  await reviewSome();

  await answerBatch();
  const truth = await loop.send(
    examples(newTopics, 80, 60_000).map(({ prompt, completion }) => ({ prompt: `${prompt} ${text}`, completion })),
  );
  await loop.client.workflow.execute('driftWatch', {
    ...{ workflowId: `drift-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
  });
  const [incident] = await loop.database.db.query<{ id: string }>(`select id from relearn.incidents`);
  assert.ok(incident !== undefined, 'the story holds a drift');
  const corrections = [...truth].map(([request_id, completion]) => ({
    request_id,
    completion: `${completion} ${identifiers[0] ?? ''} ${person}`,
  }));
  await loop.client.workflow.execute('clusterWatch', {
    ...{ workflowId: `cluster-watch/${randomUUID()}`, taskQueue, args: [{ model }] },
  });
  const clusters = await loop.database.db.query(`select terms from relearn.clusters where cardinality(terms) > 0`);
  assert.ok(clusters.length > 0, 'the story holds clusters with names');
  await post(review, '/api/corrections', { operator: 'ann', corrections });
  await loop.client.workflow.getHandle(workflowId.driftResponse(model, incident.id)).result();
  await until('the champion has changed', async () => loop.champions.get(model)?.version === 'v2');
  const decision = { operator: 'ann', reason: text.slice(0, 2000) };
  await post(review, `/api/models/${model}/versions/${encodeURIComponent(text.slice(0, 100))}/promote`, decision);
  assert.equal((await post(review, `/api/models/${model}/rollback`, decision)).statusCode, 202);
  await until('v1 serves again', async () => loop.champions.get(model)?.version === 'v1');
  assert.equal((await post(review, `/api/models/${model}/versions/v2/promote`, decision)).statusCode, 202);
  await until('v2 serves again', async () => loop.champions.get(model)?.version === 'v2');
}

/** Answers a card with what must be redacted, and asks wrongly. */
async function reviewSome(): Promise<void> {
  const { request_id: asked } = (await post(gateway, '/chat', { prompt: text, model })).json<{ request_id: string }>();
  await loop.log.flush();
  await post(review, '/api/tags', { tag: 'canary', request_ids: [asked], operator: 'ann' });
  const next = await post(review, '/api/review/next', { operator: 'ann', model, tag: 'canary' });
  const [held] = next.json<{ cards: { lease: string; card: { request_id: string } }[] }>().cards;
  assert.ok(held !== undefined, 'a row waits');
  const card = { operator: 'ann', lease: held.lease, request_id: held.card.request_id };
  await post(review, '/api/review/answer', { ...card, completion: { text } });
  await post(review, '/api/review/answer', { ...card, completion: text, apply_to: [text] });
  await post(review, '/api/review/answer', { ...card, operator: 'bob', completion: text });
  assert.equal((await post(review, '/api/review/answer', { ...card, completion: text })).statusCode, 200);
  await post(review, '/api/review/undo', { operator: 'ann' });
  await post(review, '/api/webhooks/label-studio', { action: text }, { 'x-relearn-secret': text });
}

/** Answers a request while Postgres is away: its row stays in a spool. */
async function spoolOne(): Promise<void> {
  const { config, champions, logger } = loop;
  const nowhere = openDatabase('postgres://nobody@127.0.0.1:1/none');
  const spoolDirectory = join(loop.directory, 'spool-of-an-outage');
  const writer = openLogWriter({ ...config.log, spoolDirectory, db: nowhere, logger });
  const versions = { use: () => Promise.reject(new Error('no version is asked for')) };
  const redactor = createRedactor(config.log.redaction);
  const log = createAnswerLog({ writer, redactor, hashKey });
  const answerer = createAnswerer({ config, champions, versions, log, redactor });
  const messages = [{ role: 'user', content: text }];
  await answerer.answer({ model, messages, user: 'canary-user-4711', source: 'production' });
  await log.close();
  await nowhere.close();
  assert.equal(writer.counts().spooled.rows, 1);
}

/** The prompts lie where their owner put them, apart from the folder that is searched; one more batch is broken. */
async function answerBatch(): Promise<void> {
  const own = await mkdtemp(join(tmpdir(), 'relearn-canary-'));
  const file = join(own, 'prompts.jsonl');
  const start = (output: string) =>
    loop.client.workflow.execute('inference', {
      ...{ workflowId: `inference/${output}`, taskQueue },
      args: [{ model, source: 'probe', prompts: { file }, output: join(loop.directory, output) }],
    });
  await writeFile(file, `${JSON.stringify({ prompt: text })}\n`);
  await start('answers');
  await writeFile(file, `${JSON.stringify({ prompt: { text } })}\n`);
  await assert.rejects(start('broken'));
  await rm(own, { recursive: true });
}

/** The same rows to a program, which repeats what it reads and fails, and to a fine-tuning API. */
async function trainElsewhere(): Promise<string[]> {
  const folder = join(loop.directory, 'elsewhere');
  await mkdir(folder);
  const own = await mkdtemp(join(tmpdir(), 'relearn-canary-')); // where the owner keeps the base set
  const [base, gold] = [join(own, 'base.jsonl'), join(own, 'gold.jsonl')];
  const rows = [...examples(knownTopics, 20, 80_000), { prompt: text, completion: text }];
  await writeFile(base, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await writeFile(gold, `${JSON.stringify({ prompt: `A case: ${text}`, completion: text })}\n`);
  const reserved = new KnownTexts();
  const replay = join(folder, 'replayed.jsonl');
  await writeLines(replay, readReplay(base, rows.length, reserved));
  const [dataset] = await loop.database.db.query<{ path: string }>(`select path from relearn.datasets`);
  const rowsOf = { corrected: join(dataset?.path ?? '', 'train.jsonl'), replay, calibration: [gold] };

  const program = `const fs = require('node:fs'); const e = process.env;
    for (const file of [e.RELEARN_BASE, e.RELEARN_DATASET, e.RELEARN_REPLAY]) process.stderr.write(fs.readFileSync(file));
    console.error(${JSON.stringify(text)}); process.exit(1)`;
  const command = { kind: 'command' as const, base, seed: 1, retries: 0, killAfterSeconds: 1 };
  const api = await startFakeFineTuningApi();
  const jobs = { kind: 'jobs' as const, url: api.url, baseModel: 'refused', seed: 1, pollSeconds: 1 };
  const parts = {
    ...{ environment: process.env, secret: () => undefined, jobs: openJobStore(loop.database.db) },
    chain: loop.config.log.redaction.chain,
  };
  const said: string[] = [];
  for (const config of [{ ...command, command: [process.execPath, '-e', program] }, jobs]) {
    const key = `canary/${config.kind}`;
    const training = createTrainer(config, parts)(rowsOf, { key, folder }, () => {}, new AbortController().signal);
    await assert.rejects(training, (error: Error) => said.push(error.message) > 0);
  }
  await api.close();
  await rm(own, { recursive: true });
  assert.ok((await readFile(replay, 'utf8')).includes('[PERSON]'), 'the row of canaries is replayed');
  assert.equal(api.files.length, 1);
  return [...said, ...api.files];
}

async function tables(): Promise<string[]> {
  const { db } = loop.database;
  const names = await db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'relearn'`,
  );
  assert.ok(names.length > 20);
  const rows = await Promise.all(
    names.map(({ name }) => db.query<{ row: string }>(`select t::text as row from relearn.${name} t`)),
  );
  return rows.flat().map(({ row }) => row);
}

async function histories(): Promise<string[]> {
  const found: string[] = [];
  for await (const { workflowId: id, runId } of loop.client.workflow.list()) {
    const history = await loop.client.workflow.getHandle(id, runId).fetchHistory();
    found.push(
      JSON.stringify(history, (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString() : value,
      ),
    );
  }
  assert.ok(found.length >= 4, 'driftWatch, driftResponse, retrain and its run');
  return found;
}

async function files(): Promise<string[]> {
  const entries = await readdir(loop.directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map((path) => readFile(path, 'latin1')));
}

async function exported(): Promise<string[]> {
  const lines: string[] = [];
  for await (const record of exportLog(loop.database.db, { model })) lines.push(JSON.stringify(record));
  assert.ok(lines.length > 50);
  return lines;
}

function assertAbsent(sink: string, content: readonly string[], canaries: readonly string[]): void {
  assert.ok(content.length > 0, `${sink} was searched`);
  for (const canary of canaries) {
    const found = content.find((piece) => piece.includes(canary));
    assert.equal(found?.slice(0, 400), undefined, `${sink} holds "${canary}"`);
  }
}

test('planted identifiers reach no sink, and a user’s words reach neither logs, metrics, errors nor histories', async () => {
  await turnTheLoop();
  await spoolOne();
  const elsewhere = await trainElsewhere();
  const metrics = (await gateway.inject({ url: '/metrics', headers: bearer })).body;
  const rows = await tables();
  const secrets = [...identifiers, person, keySecret];
  assert.ok(
    rows.some((row) => row.includes(`${word}: write to [EMAIL] or call [PHONE], my number is [SSN]. [PERSON]`)),
    'the log holds the redacted text',
  );
  assert.ok(
    rows.some((row) => row.includes('tool_calls') && row.includes('[EMAIL]')),
    'the log holds the redacted tool call',
  );
  assert.ok(
    rows.some((row) => /parameters.*\[EMAIL\].*\[PERSON\]/.test(row)),
    'the log holds the redacted tools',
  );
  assertAbsent('a table', rows, secrets);
  assertAbsent('a file', await files(), secrets);
  assertAbsent('a trainer elsewhere', elsewhere, [...identifiers.slice(0, 3), person, keySecret]);
  assertAbsent('the exported log', await exported(), secrets);
  const everything = [...secrets, word];
  assertAbsent('a history', await histories(), everything);
  assertAbsent('a log line', loop.logs, everything);
  assertAbsent('the metrics', [metrics], everything);
  assert.ok(errors.length >= 14);
  assertAbsent('an error', errors, everything);
});
