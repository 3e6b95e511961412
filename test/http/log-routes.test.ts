import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import * as schemas from '../../src/http/log-schemas.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { storeFeedback } from '../../src/log/feedback.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { logRecordSchema } from '../../src/log/record.ts';
import { removeTags } from '../../src/tag/remove-tags.ts';
import { addTags } from '../../src/tag/tags.ts';
import { startTestConsole, type TestConsole } from '../console/fixtures.ts';
import { newRow } from '../log/new-row.ts';
import { eventually } from '../until.ts';

let server: TestConsole;
let authorization: string;
/** Beside the 36 rows of the fixture: one a minute, the latest first. */
const logged = 1500;
const noon = new Date(Date.now() - 3_600_000);
const at = (n: number) => new Date(noon.getTime() - n * 60_000);
const id = (n: number) => `log${String(n).padStart(4, '0')}`;

before(async () => {
  server = await startTestConsole();
  const { db } = server;
  authorization = `Bearer ${await server.makeKey('view')}`;
  await db.query(
    `select relearn.ensure_partition('samples', now() - make_interval(days => d)) from generate_series(0, 3) d`,
  );
  await insertRows(
    db,
    Array.from({ length: logged }, (_, n) =>
      newRow({
        ...{ requestId: id(n), ts: at(n), model: 'mail', modelVersion: n < 100 ? 'v2' : 'v1' },
        ...{ prompt: `parcel ${n} 100% of [EMAIL]_x`, response: n === 1400 ? 'Refund NOTHING' : '=1+1' },
        ...{ responseLogprob: -n / 1000, keptBecause: n % 10 === 0 ? 'low_confidence' : 'healthy' },
      }),
    ),
  );
  await addTags(db, { tag: 'rare', requestIds: [id(1499), id(3)], source: 'operator', actor: 'ann' });
});
after(() => server.close());

async function ask(path: string, query: Record<string, string>) {
  const url = `${path}?${new URLSearchParams({ model: 'mail', ...query }).toString()}`;
  return server.app.inject({ url, headers: { authorization } });
}

async function search(query: Record<string, string>) {
  const response = await ask('/api/log', query);
  assert.equal(response.statusCode, 200, response.body);
  return schemas.logResponse.parse(response.json());
}
const idsOf = ({ rows }: z.output<typeof schemas.logResponse>) => rows.map((row) => row.request_id);

/** To the end: an answer that took long goes out with what was found so far. */
async function searchAll(query: Record<string, string>): Promise<string[]> {
  const seen: string[] = [];
  let next: string | null = null;
  do {
    const page = await search({ ...query, ...(next === null ? {} : { after: next }) });
    seen.push(...idsOf(page));
    next = page.next;
  } while (next !== null);
  return seen;
}

const count = async (query: Record<string, string>) =>
  schemas.logCountResponse.parse((await ask('/api/log/count', query)).json());

test('pages of the log follow each other, the latest first, without a row twice or none', async () => {
  assert.deepEqual(
    await searchAll({ to: at(-1).toISOString(), limit: '200' }),
    Array.from({ length: logged }, (_, n) => id(n)),
  );
});

test('rows of one moment are paged by their ids', async () => {
  const ts = new Date(noon.getTime() - 2 * 86_400_000);
  const rows = Array.from({ length: 5 }, (_, n) =>
    newRow({ requestId: `same${n}`, ts, model: 'mail', prompt: 'same' }),
  );
  await insertRows(server.db, rows);
  assert.deepEqual(await searchAll({ text: 'same', limit: '3' }), ['same4', 'same3', 'same2', 'same1', 'same0']);
});

test('each filter narrows the rows, its count and its export to the same ones', async () => {
  const cases: [Record<string, string>, string[]][] = [
    [{ text: 'refund nothing' }, [id(1400)]],
    [{ text: '100% of', to: at(1498).toISOString() }, [id(1499)]],
    [{ text: 'l 7_1' }, []],
    [{ tag: 'rare' }, [id(3), id(1499)]],
    [{ tag: 'never' }, []],
    [{ version: 'v2', from: at(1).toISOString() }, [id(0), id(1)]],
    [{ kept_because: 'low_confidence', from: at(20).toISOString(), to: at(5).toISOString() }, [id(10), id(20)]],
    [{ logprob_from: '-0.004', logprob_below: '-0.002', version: 'v2' }, [id(3), id(4)]],
  ];
  for (const [query, wanted] of cases) {
    const name = JSON.stringify(query);
    assert.deepEqual(await searchAll(query), wanted, name);
    await eventually(() => count(query), { rows: wanted.length, more: false, looked_back_to: null });
    const lines = (await ask('/api/log/export', query)).body.split('\n').filter((line) => line !== '');
    const records = lines.map((line) => logRecordSchema.strict().parse(JSON.parse(line)));
    assert.deepEqual(
      records.map((record) => record.request_id),
      wanted,
      name,
    );
  }
});

test('CSV holds the same records, and no text that a spreadsheet takes for a formula', async () => {
  const response = await ask('/api/log/export', { format: 'csv', tag: 'rare' });
  assert.match(String(response.headers['content-type']), /^text\/csv/);
  assert.match(String(response.headers['content-disposition']), /^attachment; filename\*=UTF-8''mail-log\.csv$/);
  const rows = z
    .array(z.object({ request_id: z.string(), response: z.string(), tags: z.string() }))
    .parse(parse(response.body, { columns: true }));
  assert.deepEqual(rows, [
    { request_id: id(3), response: "'=1+1", tags: '["rare"]' },
    { request_id: id(1499), response: "'=1+1", tags: '["rare"]' },
  ]);
});

test('an export of many pages holds every row once', async () => {
  const lines = (await ask('/api/log/export', { text: 'parcel', to: at(-1).toISOString() })).body.trim().split('\n');
  assert.equal(new Set(lines).size, logged);
});

test('a row tells its feedback, the history of its tags, its corrections, and what learned from it', async () => {
  const { db } = server;
  const requestId = id(7);
  await storeFeedback(db, { requestId, kind: 'thumbs_down', comment: 'ask bob@example.com', userIdHash: null });
  await removeTags(db, { tag: 'user_negative', requestIds: [requestId], actor: 'ann' });
  await storeCorrections(db, [{ requestId, completion: 'complaint', operator: 'ann', source: 'api' }]);
  await db.query(
    `insert into relearn.datasets (id, model, path, rows, manifest) values ('d1', 'mail', '/d1', 1, '{}')`,
  );
  await db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split)
     select 'd1', request_id, id, 'train' from relearn.corrections where request_id = $1`,
    [requestId],
  );
  await db.query(
    `insert into relearn.versions (model, version, n, kind, dataset) values ('mail', 'v9', 9, 'upstream', 'd1')`,
  );
  const url = `/api/log/row?request_id=${requestId}`;
  const row = schemas.rowResponse.parse((await server.app.inject({ url, headers: { authorization } })).json());
  assert.deepEqual(
    row.feedback.map(({ kind, comment }) => ({ kind, comment })),
    [{ kind: 'thumbs_down', comment: 'ask [EMAIL]' }],
  );
  assert.deepEqual(
    row.tags.map(({ change, tag, actor }) => [change, tag, actor]).filter(([, tag]) => tag === 'user_negative'),
    [
      ['added', 'user_negative', null],
      ['removed', 'user_negative', 'ann'],
    ],
  );
  assert.deepEqual(
    row.corrections.map(({ completion, operator, verified }) => ({ completion, operator, verified })),
    [{ completion: 'complaint', operator: 'ann', verified: true }],
  );
  assert.deepEqual(row.learned, [
    { dataset: 'd1', split: 'train', versions: [{ version: 'v9', champion: false, tainted: false }] },
  ]);
  const unknown = await server.app.inject({ url: '/api/log/row?request_id=none', headers: { authorization } });
  assert.equal(unknown.statusCode, 404);
});

test('what a model can be narrowed to is its versions and its tags with their counts', async () => {
  const facets = schemas.facetsResponse.parse((await ask('/api/log/facets', {})).json());
  assert.ok(facets.versions.includes('v1'));
  assert.deepEqual(
    facets.tags.find(({ tag }) => tag === 'rare'),
    { tag: 'rare', rows: 2 },
  );
});

test('a filter that makes no sense is refused, and told what was wanted', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ from: 'yesterday' }, /^from: wanted a time/],
    [{ from: at(0).toISOString(), to: at(1).toISOString() }, /^to: wanted a time after from/],
    [{ kept_because: 'luck' }, /^kept_because: .*low_confidence/],
    [{ logprob_from: 'low' }, /^logprob_from: wanted a log-probability/],
    [{ logprob_below: '0.5' }, /^logprob_below: wanted 0 or less/],
    [{ after: '2026-02-30T00:00:00.000000Z|r1' }, /^after\.at: wanted the next of an answer/],
    [{ after: 'x' }, /^after\.at: wanted the next of an answer/],
    [{ limit: '1000' }, /^limit: /],
    [{ colour: 'red' }, /colour/],
    [{ text: 'x\0y' }, /^text: wanted text/],
  ];
  for (const [query, message] of cases) {
    const response = await ask('/api/log', query);
    assert.equal(response.statusCode, 400, JSON.stringify(query));
    const { error } = z.object({ error: z.object({ message: z.string() }) }).parse(response.json());
    assert.match(error.message, message);
  }
  assert.equal((await ask('/api/log', { model: 'nix' })).statusCode, 404);
});

test('what is filtered is tagged by the same filter, after a look at how many rows it is; a viewer may not', async () => {
  const operator = 'ann';
  const filter = { model: 'mail', text: 'PARCEL 149', logprob_from: -1.495, kept_because: ['healthy'] };
  const post = async (payload: object, scope: 'view' | 'review') => {
    const headers = { authorization: `Bearer ${await server.makeKey(scope)}` };
    return server.app.inject({ method: 'POST', url: '/api/tags', payload, headers });
  };
  const change = { tag: 'late', operator, filter };
  assert.equal((await post({ ...change, dry_run: true }, 'view')).statusCode, 403);
  assert.deepEqual((await post({ ...change, dry_run: true }, 'review')).json(), { rows: 6 });
  assert.deepEqual(await searchAll({ tag: 'late' }), []);
  assert.deepEqual((await post(change, 'review')).json(), { rows: 6 });
  const tagged = [149, 1491, 1492, 1493, 1494, 1495].map(id);
  assert.deepEqual(idsOf(await search({ tag: 'late' })), tagged);
  assert.deepEqual(
    (await post({ ...change, filter: { model: 'mail', tag: 'late' }, action: 'remove' }, 'review')).json(),
    {
      rows: 6,
    },
  );
  assert.deepEqual(idsOf(await search({ tag: 'late' })), []);
});

test('the rows of a cluster are found by its key', async () => {
  const { db } = server;
  await db.query(`insert into relearn.clusters (model, key, kind, rows) values ('mail', 'cluster/1', 'found', 2)`);
  await db.query(`insert into relearn.cluster_members (model, key, request_id) values ('mail', 'cluster/1', $1)`, [
    id(9),
  ]);
  assert.deepEqual(idsOf(await search({ cluster: 'cluster/1' })), [id(9)]);
});
