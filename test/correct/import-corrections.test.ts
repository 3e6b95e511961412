import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { importCorrections } from '../../src/correct/import-corrections.ts';
import { readCorrections, type CorrectionFormat } from '../../src/correct/read-corrections.ts';
import { insertRow } from '../rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());

const importText = (text: string, format: CorrectionFormat, operator: string | undefined = 'ann') =>
  importCorrections(readCorrections(Readable.from([text]), format), {
    ...{ operator, source: 'cli' },
    store: (corrections) => storeCorrections(database.db, corrections),
  });

test('wrong lines of JSONL are told by number and without their text; the good ones are stored', async () => {
  const [a, b] = [await insertRow(database.db), await insertRow(database.db)];
  const lines = [
    JSON.stringify({ request_id: a, completion: 'right', operator: 'bob', prompt: 'passed over' }),
    '',
    '{"request_id": "secret text',
    JSON.stringify({ request_id: 'nobody', completion: 'x' }),
    JSON.stringify({ request_id: b, completion: '' }),
    JSON.stringify({ completion: 'secret text' }),
    JSON.stringify({ request_id: b, completion: 'right' }),
  ];
  const outcome = await importText(lines.join('\n'), 'jsonl');
  const { problems, ...counts } = outcome;
  assert.deepEqual(counts, { stored: 2, repeated: 0, unknown_request: 1, invalid: 2, empty: 1 });
  assert.deepEqual(
    problems.map(({ line }) => line),
    [3, 4, 6],
  );
  assert.doesNotMatch(JSON.stringify(outcome), /secret/);
  const stored = await database.db.query(`select operator from relearn.corrections order by seq`);
  assert.deepEqual(stored, [{ operator: 'bob' }, { operator: 'ann' }]);
});

test('CSV is read by its header, quotes and line breaks included; a broken row does not stop the next', async () => {
  const ids = await Promise.all(Array.from({ length: 3 }, () => insertRow(database.db)));
  const csv = [
    'prompt,request_id,completion',
    `"two\nlines, and a ""quote""",${ids[0]},"first, with a comma"`,
    `too few,${ids[1]}`,
    `x,${ids[1]},second`,
    `x,${ids[2]},'=1+1`,
  ];
  const outcome = await importText(`\uFEFF${csv.join('\r\n')}\r\n`, 'csv');
  assert.deepEqual([outcome.stored, outcome.invalid, outcome.problems[0]?.line], [3, 1, 4]);
  const stored = await database.db.query<{ completion: string }>(
    `select completion from relearn.corrections where request_id = any($1) order by seq`,
    [ids],
  );
  assert.deepEqual(
    stored.map(({ completion }) => completion),
    ['first, with a comma', 'second', '=1+1'],
  );
});

test('without a name for who corrects, a line that names none is not stored', async () => {
  const row = await insertRow(database.db);
  const outcome = await importCorrections(
    readCorrections(Readable.from([JSON.stringify({ request_id: row, completion: 'x' })]), 'jsonl'),
    { operator: undefined, source: 'api', store: (given) => storeCorrections(database.db, given) },
  );
  assert.deepEqual([outcome.stored, outcome.problems[0]?.line], [0, 1]);
  assert.match(outcome.problems[0]?.reason ?? '', /^operator/);
});

test('an import of more rows than a batch stores each once, also when it is run again', async () => {
  const ids = Array.from({ length: 1203 }, (_, n) => `bulk-${n}`);
  const ts = new Date();
  await database.db.query(`select relearn.ensure_partition('samples', $1)`, [ts]);
  await database.db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, kept_because,
       inclusion_probability)
     select id, $2, 'm', 'v1', 'p', 'r', 1, 'healthy', 1 from unnest($1::text[]) id`,
    [ids, ts],
  );
  const text = ids.map((request_id) => JSON.stringify({ request_id, completion: 'x' })).join('\n');
  assert.equal((await importText(text, 'jsonl')).stored, 1203);
  assert.equal((await importText(text, 'jsonl')).repeated, 1203);
});
