import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Database } from '../../src/database.ts';
import { readJsonl } from '../../src/jsonl.ts';
import { exportLog, type LogFilter } from '../../src/log/export.ts';
import { importLog, type ImportResult } from '../../src/log/import.ts';
import { logRecordSchema, type LogRecord } from '../../src/log/record.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
let db: Database;
let directory: string;

before(async () => {
  database = await createTestDatabase();
  db = database.db;
  directory = await mkdtemp(join(tmpdir(), 'relearn-log-'));
});
beforeEach(() => db.query('truncate relearn.samples, relearn.recent, relearn.tags'));
after(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

function record(n: number, change: Partial<LogRecord> = {}): LogRecord {
  return {
    request_id: `r${String(n).padStart(5, '0')}`,
    ts: new Date(Date.UTC(2026, 4, 10) + n * 1000).toISOString(),
    model_version: 'v1',
    prompt: `prompt ${n}`,
    response: 'ham',
    latency_ms: 12.5,
    user_id_hash: null,
    response_logprob: -0.25,
    tags: [],
    ...change,
  };
}

async function importRecords(records: readonly object[], model = 'mail'): Promise<ImportResult> {
  const file = join(directory, 'log.jsonl');
  await writeFile(file, records.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  return importLog(db, model, readJsonl(file, logRecordSchema));
}

async function exportAll(filter: LogFilter = {}): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const entry of exportLog(db, filter)) records.push(entry);
  return records;
}

test('what was imported comes out the same, over any number of pages', async () => {
  const records = Array.from({ length: 1234 }, (_, n) => record(n, { tags: n % 7 === 0 ? ['odd', 'zeta'] : [] }));
  assert.deepEqual(await importRecords(records), { read: 1234, imported: 1234, expiring: 0 });
  assert.deepEqual(await exportAll(), records);
});

test('many rows of one moment, finer than a millisecond, are exported once each', async () => {
  const moment = record(0).ts;
  await importRecords(Array.from({ length: 1100 }, (_, n) => record(n, { ts: moment })));
  await db.query(`update relearn.samples set ts = ts + interval '1 microsecond' * (right(request_id, 1)::int)`);
  const ids = (await exportAll()).map((entry) => entry.request_id);
  assert.equal(ids.length, 1100);
  assert.equal(new Set(ids).size, 1100);
});

test('an import may be run again, also with other times', async () => {
  await importRecords([record(1), record(2)]);
  const again = [record(1), record(2, { ts: '2026-06-01T00:00:00.000Z' }), record(3), record(3)];
  assert.deepEqual(await importRecords(again), { read: 4, imported: 1, expiring: 0 });
  assert.equal((await exportAll()).length, 3);
});

test('imports that run at once store each row once', async () => {
  const records = Array.from({ length: 600 }, (_, n) => record(n));
  const file = join(directory, 'shared.jsonl');
  await writeFile(file, records.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  const results = await Promise.all(
    Array.from({ length: 3 }, () => importLog(db, 'mail', readJsonl(file, logRecordSchema))),
  );
  assert.equal(
    results.reduce((sum, result) => sum + result.imported, 0),
    600,
  );
  assert.equal((await exportAll()).length, 600);
});

test('imported text is redacted, in conversations too', async () => {
  const conversation = [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: 'I am bob@x.com' },
  ];
  await importRecords([
    record(1, { prompt: 'write to bob@x.com', response: 'call 415-555-2671', tags: ['from bob@x.com'] }),
    record(2, { prompt: JSON.stringify(conversation) }),
  ]);
  const [first, second] = await exportAll();
  assert.deepEqual(
    [first?.prompt, first?.response, first?.tags],
    ['write to [EMAIL]', 'call [PHONE]', ['from [EMAIL]']],
  );
  assert.equal(second?.prompt, '[{"role":"system","content":"be kind"},{"role":"user","content":"I am [EMAIL]"}]');
});

test('tagged rows come in as flagged, the others as healthy, each with certainty', async () => {
  await importRecords([record(1, { tags: ['operator_review'] }), record(2)]);
  assert.deepEqual(
    await db.query('select kept_because, inclusion_probability, source from relearn.samples order by request_id'),
    [
      { kept_because: 'flagged', inclusion_probability: 1, source: 'production' },
      { kept_because: 'healthy', inclusion_probability: 1, source: 'production' },
    ],
  );
  assert.deepEqual(await db.query('select request_id, tag, source from relearn.tags'), [
    { request_id: 'r00001', tag: 'operator_review', source: 'operator' },
  ]);
});

test('an export takes what model, times and tag choose', async () => {
  await importRecords([record(1, { tags: ['a'] }), record(2, { tags: ['a', 'b'] }), record(3)]);
  await importRecords([record(4)], 'other');
  const chosen = async (filter: LogFilter) => (await exportAll(filter)).map((entry) => entry.request_id);
  assert.deepEqual(await chosen({ model: 'other' }), ['r00004']);
  assert.deepEqual(await chosen({ tag: 'a' }), ['r00001', 'r00002']);
  assert.deepEqual(await chosen({ model: 'mail', tag: 'b' }), ['r00002']);
  assert.deepEqual(await chosen({ from: new Date(record(2).ts), to: new Date(record(4).ts) }), ['r00002', 'r00003']);
  assert.deepEqual(await chosen({ tag: 'none' }), []);
});

test('a record that names a user in the clear is refused by its line, unquoted', async () => {
  const records = [record(1), record(2, { user_id_hash: 'canary@x.com' })];
  await assert.rejects(importRecords(records), (error: Error) => {
    assert.match(error.message, /log\.jsonl:2: user_id_hash: wanted 16 hex digits/);
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
});

test('a record with a character that Postgres cannot store is stored without it', async () => {
  await importRecords([record(1, { prompt: 'a\0b' })]);
  assert.equal((await exportAll())[0]?.prompt, 'ab');
});

test('a compressed log is read as it was written', async () => {
  const file = join(directory, 'log.jsonl.gz');
  await writeFile(file, gzipSync(`${JSON.stringify(record(1))}\n${JSON.stringify(record(2))}\n`));
  assert.equal((await importLog(db, 'mail', readJsonl(file, logRecordSchema, { gzip: true }))).imported, 2);
  assert.deepEqual(await exportAll(), [record(1), record(2)]);
});

test('what is not compressed, though it is said to be, is refused', async () => {
  const file = join(directory, 'plain.jsonl');
  await writeFile(file, JSON.stringify(record(1)));
  await assert.rejects(importLog(db, 'mail', readJsonl(file, logRecordSchema, { gzip: true })), {
    code: 'invalid_rows',
  });
});
