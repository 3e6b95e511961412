import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sqlState, type Database } from '../../src/database.ts';
import { openLogWriter, type LogWriter } from '../../src/log/writer.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { newRow, newUnsampledRow } from './new-row.ts';

let database: TestDatabase;
const none = { files: 0, bytes: 0, rows: 0 };
let db: Database;
const logged: string[] = [];

function openWriter(change: { hotWindowHours?: number; maxQueuedRows?: number; flushMs?: number } = {}): LogWriter {
  const note = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  return openLogWriter({
    db,
    logger: { info: note, warn: note, error: note },
    flushMs: 20,
    maxQueuedRows: 10_000,
    hotWindowHours: 24,
    ...change,
  });
}

/** Closing gives up after ten seconds. */
async function end(writer: LogWriter): Promise<void> {
  await writer.flush();
  await writer.close();
}

async function count(table: 'samples' | 'recent' | 'tags'): Promise<number> {
  const [row] = await db.query<{ n: number }>(`select count(*) as n from relearn.${table}`);
  return row?.n ?? -1;
}

before(async () => {
  database = await createTestDatabase();
  db = database.db;
});
beforeEach(async () => {
  logged.length = 0;
  await db.query('truncate relearn.samples, relearn.recent, relearn.tags');
});
after(() => database.close());

test('kept rows go to samples and the others to recent, as they were', async () => {
  const writer = openWriter();
  const tools = JSON.stringify({ tools: [{ description: 'a tab\t, a "quote" and a \\' }] });
  const kept = newRow({ responseLogprob: null, userIdHash: null, prompt: 'quotes " and \\ and {braces}, NULL', tools });
  void writer.push(kept);
  void writer.push(newUnsampledRow({ tools }));
  void writer.push(newUnsampledRow());
  await end(writer);
  const [stored] = await db.query(`select prompt, response_logprob, user_id_hash, ts, latency_ms, kept_because,
    inclusion_probability, source, tools from relearn.samples`);
  assert.deepEqual(stored, {
    prompt: kept.prompt,
    response_logprob: null,
    user_id_hash: null,
    ts: kept.ts,
    latency_ms: 1.5,
    kept_because: 'healthy',
    inclusion_probability: 0.05,
    source: 'production',
    tools,
  });
  assert.deepEqual(await db.query(`select tools from relearn.recent order by tools`), [{ tools }, { tools: null }]);
  assert.deepEqual(writer.counts(), { written: 3, dropped: {}, queued: 0, spooled: none });
});

test('a row is stored without anyone asking for it', async () => {
  const writer = openWriter({ flushMs: 1 });
  void writer.push(newRow());
  while (writer.counts().written === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await count('samples'), 1);
  await end(writer);
});

test('without a hot window rows that were not sampled are not stored', async () => {
  const writer = openWriter({ hotWindowHours: 0 });
  void writer.push(newUnsampledRow());
  void writer.push(newRow());
  await end(writer);
  assert.equal(await count('recent'), 0);
  assert.equal(await count('samples'), 1);
});

test('kept production rows of an open incident are tagged with it, probes are not', async () => {
  const writer = openWriter();
  const row = newRow({ keptBecause: 'post_drift', inclusionProbability: 1, incident: 'i1' });
  void writer.push(row);
  void writer.push(newRow({ keptBecause: 'low_confidence', inclusionProbability: 1, incident: 'i1' }));
  void writer.push(newRow({ keptBecause: 'low_confidence', incident: 'i1', source: 'probe' }));
  void writer.push(newRow());
  await end(writer);
  const tags = await db.query(`select tag, incident, source, model from relearn.tags where request_id = $1`, [
    row.requestId,
  ]);
  assert.deepEqual(tags, [{ tag: 'post_drift', incident: 'i1', source: 'drift', model: 'mail' }]);
  assert.equal(await count('tags'), 2);
});

test('rows that Postgres refuses are dropped alone, counted, and named nowhere', async () => {
  const writer = openWriter();
  const bad = [
    newRow({ inclusionProbability: Number.NaN, prompt: 'canary-prompt' }),
    newRow({ ts: new Date(Number.NaN), prompt: 'canary-prompt' }),
    newRow({ latencyMs: 1e300, response: 'canary-response' }),
  ];
  for (let n = 0; n < 700; n += 1) {
    void writer.push(newRow());
    if (n % 300 === 0) void writer.push(bad[n / 300] ?? newRow());
  }
  await end(writer);
  assert.equal(await count('samples'), 700);
  assert.deepEqual(writer.counts(), { written: 700, dropped: { refused: 3 }, queued: 0, spooled: none });
  assert.equal(logged.filter((line) => line.startsWith('Postgres refused')).length, 3);
  assert.doesNotMatch(logged.join('\n'), /canary/);
});

test('characters that Postgres cannot store are left out', async () => {
  const writer = openWriter();
  void writer.push(newRow({ prompt: 'a\0b\ud800c', response: '\udc00😀' }));
  await end(writer);
  assert.deepEqual(await db.query(`select prompt, response from relearn.samples`), [{ prompt: 'abc', response: '😀' }]);
});

test('a row written twice is one row', async () => {
  const row = newRow({ incident: 'i1' });
  const writers = [openWriter(), openWriter()];
  for (const writer of writers) void writer.push(row);
  await Promise.all(writers.map(end));
  assert.equal(await count('samples'), 1);
  assert.equal(await count('tags'), 1);
});

test('writers that start at the same hour all make its partitions and lose no row', async () => {
  const ts = new Date('2031-05-06T07:08:09Z');
  const writers = Array.from({ length: 4 }, () => openWriter());
  for (const writer of writers) {
    for (let n = 0; n < 600; n += 1) void writer.push(n % 2 === 0 ? newRow({ ts }) : newUnsampledRow({ ts }));
  }
  await Promise.all(writers.map(end));
  assert.equal(await count('samples'), 1200);
  assert.equal(await count('recent'), 1200);
});

test('a partition that was dropped under a writer is made again', async () => {
  const ts = new Date('2032-05-06T07:08:09Z');
  const writer = openWriter();
  void writer.push(newRow({ ts }));
  await writer.flush();
  await db.query('drop table relearn.samples_20320506');
  void writer.push(newRow({ ts }));
  await end(writer);
  assert.equal(await count('samples'), 1);
  assert.deepEqual(writer.counts().dropped, {});
});

test('what is pushed after the end is counted', async () => {
  const writer = openWriter();
  await writer.close();
  await writer.close();
  void writer.push(newRow());
  writer.drop('redaction_failed');
  assert.deepEqual(writer.counts().dropped, { writer_closed: 1, redaction_failed: 1 });
});

test('a transaction takes both tables or neither', async () => {
  const writer = openWriter();
  await db.query(`alter table relearn.tags add constraint no_tags check (tag <> 'post_drift')`);
  void writer.push(newRow({ incident: 'i1', keptBecause: 'post_drift', inclusionProbability: 1 }));
  await end(writer);
  await db.query('alter table relearn.tags drop constraint no_tags');
  assert.equal(await count('samples'), 0);
  assert.deepEqual(writer.counts().dropped, { refused: 1 });
  await assert.rejects(db.query('select 1 from relearn.nothing'), (error) => sqlState(error) === '42P01');
});
