import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { storeCorrections } from '../../../src/correct/corrections.ts';
import type { Database } from '../../../src/database.ts';
import { storeFeedback } from '../../../src/log/feedback.ts';
import { importLog } from '../../../src/log/import.ts';
import { insertRows } from '../../../src/log/insert-rows.ts';
import { ensureAhead } from '../../../src/log/partitions.ts';
import type { LogRecord } from '../../../src/log/record.ts';
import { redactMessages, redactorVersion, useRedaction } from '../../../src/log/redact/index.ts';
import { createTestDatabase, type TestDatabase } from '../../stack.ts';
import { newRow } from '../new-row.ts';
import { startFakeAnalyzer } from './fake-analyzer.ts';

let database: TestDatabase;
let db: Database;
let analyzer: Awaited<ReturnType<typeof startFakeAnalyzer>>;

before(async () => {
  analyzer = await startFakeAnalyzer(['Ann Lee']);
  database = await createTestDatabase();
  db = database.db;
  await ensureAhead(db, 2);
  useRedaction({ packs: ['uk-nhs'], numbered: true, chain: analyzer.chain });
});
beforeEach(() => analyzer.become('answers'));
after(async () => {
  await analyzer.close();
  await database.close();
});

const text = 'Ann Lee, bob@x.com, NHS number 943 476 5919, bob@x.com';
const redacted = '[PERSON], [EMAIL_1], NHS number [GOV_ID_1], [EMAIL_1]';

async function logRow(): Promise<string> {
  const row = newRow({});
  await insertRows(db, [row]);
  return row.requestId;
}

function record(requestId: string): LogRecord {
  return {
    ...{ request_id: requestId, ts: new Date().toISOString(), model_version: 'v1', latency_ms: 1, tags: [] },
    ...{ prompt: text, response: `${text} eve@x.com`, user_id_hash: null, response_logprob: null },
  };
}

async function* one(given: LogRecord): AsyncGenerator<LogRecord> {
  await Promise.resolve();
  yield given;
}

test('feedback, corrections and imported rows are redacted as configured, by both redactors', async () => {
  const requestId = await logRow();
  await storeFeedback(db, { requestId, kind: 'report', comment: text, userIdHash: null });
  await storeCorrections(db, [{ requestId, completion: text, operator: 'ann', source: 'api' }]);
  await importLog(db, 'mail', one(record('imported')));
  const rows = await db.query(
    `select (select comment from relearn.feedback where request_id = $1),
       (select completion from relearn.corrections where request_id = $1),
       (select prompt from relearn.samples where request_id = 'imported'),
       (select response from relearn.samples where request_id = 'imported')`,
    [requestId],
  );
  assert.deepEqual(rows, [
    { comment: redacted, completion: redacted, prompt: redacted, response: `${redacted} [EMAIL_2]` },
  ]);
});

test('while the second redactor fails, nothing is stored, and all of it may be sent again', async () => {
  const requestId = await logRow();
  analyzer.become('fails');
  const unavailable = { code: 'redactor_unavailable', message: /^(?!.*Ann)/ };
  const correction = { requestId, completion: text, operator: 'ann', source: 'api' } as const;
  await assert.rejects(storeFeedback(db, { requestId, kind: 'report', comment: text, userIdHash: null }), unavailable);
  await assert.rejects(storeCorrections(db, [correction]), unavailable);
  await assert.rejects(importLog(db, 'mail', one(record('again'))), unavailable);
  const counts = await db.query(
    `select (select count(*)::int from relearn.feedback where request_id = $1) as feedback,
       (select count(*)::int from relearn.corrections where request_id = $1) as corrections,
       (select count(*)::int from relearn.samples where request_id = 'again') as imported`,
    [requestId],
  );
  assert.deepEqual(counts, [{ feedback: 0, corrections: 0, imported: 0 }]);
  analyzer.become('answers');
  assert.equal((await storeCorrections(db, [correction]))[0]?.status, 'stored');
  assert.equal((await importLog(db, 'mail', one(record('again')))).imported, 1);
});

test('the messages of a conversation share their numbers, and the version names the options', () => {
  const said = (content: string) => ({ role: 'user', content });
  const { messages, found } = redactMessages([said('bob@x.com'), said('eve@x.com'), said('bob@x.com')]);
  assert.deepEqual(
    messages.map(({ content }) => content),
    ['[EMAIL_1]', '[EMAIL_2]', '[EMAIL_1]'],
  );
  assert.deepEqual(found, { EMAIL: 3 });
  assert.match(redactorVersion(), /\+numbered\+uk-nhs\+chain:en:0\.5:\*$/);
});
