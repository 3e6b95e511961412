import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { z } from 'zod';
import {
  lineageResponse,
  lineageRowsResponse,
  versionResponse,
  versionsResponse,
} from '../../src/http/version-schemas.ts';
import { startVersionsConsole, type VersionsConsole } from '../console/versions-fixtures.ts';

let server: VersionsConsole;
let viewer: { authorization: string };
let operator: { authorization: string };
before(async () => {
  server = await startVersionsConsole();
  viewer = { authorization: `Bearer ${await server.makeKey('view')}` };
  operator = { authorization: `Bearer ${await server.makeKey('operate')}` };
});
after(() => server.close());

async function read<Schema extends z.ZodType>(url: string, schema: Schema): Promise<z.output<Schema>> {
  const response = await server.app.inject({ url, headers: viewer });
  assert.equal(response.statusCode, 200, response.body);
  return schema.parse(response.json());
}

async function ask(url: string, body: object) {
  const payload = { operator: 'ann', reason: 'mail eve@example.com', ...body };
  const response = await server.app.inject({ method: 'POST', url, payload, headers: operator });
  const { error } = response.json<{ error?: { code: string; message: string } }>();
  return { status: response.statusCode, code: error?.code, message: error?.message ?? '' };
}

const versions = '/api/models/mail/versions';

test('each version has the word for where it stands, its trigger and its certificate', async () => {
  const { versions: listed, waiting, ...rest } = await read(versions, versionsResponse);
  assert.deepEqual(
    listed.map(({ version, state, certificate }) => [version, state, certificate?.passed ?? null]),
    [
      ['v7', 'waiting', null],
      ['v6', 'superseded', true],
      ['v5', 'rolled_back', true],
      ['v4', 'inconclusive', false],
      ['v3', 'refused', false],
      ['v2', 'champion', true],
      ['v1', 'served_before', true],
    ],
  );
  assert.deepEqual(listed[0]?.triggers, [{ kind: 'drift', incident: 'i0' }]);
  assert.notEqual(listed[4]?.tainted_at, null);
  assert.deepEqual(rest, {
    ...{ model: 'mail', serve: 'onnx', champion: 'v2', rollback: { from: 'v2', to: 'v1' } },
    ...{ canary: { shares: [0.05, 0.25], step_minutes: 30 }, next: null },
  });
  assert.deepEqual([waiting?.run, waiting?.version, waiting?.judgement?.state], [6, 'v7', 'passed']);
});

test('versions are listed page by page', async () => {
  const first = await read(`${versions}?limit=5`, versionsResponse);
  const second = await read(`${versions}?limit=5&before=${first.next}`, versionsResponse);
  assert.deepEqual([first.versions.length, second.versions.map(({ version }) => version)], [5, ['v2', 'v1']]);
});

test('a version leads to its dataset, its rows, their corrections and who made them', async () => {
  const shown = await read(`${versions}/v2`, versionResponse);
  assert.deepEqual(shown.operators, [
    { name: 'ann', train: 36, held_out: 4, duplicate: 0 },
    { name: 'bob', train: 18, held_out: 2, duplicate: 0 },
  ]);
  assert.deepEqual(shown.incidents, [{ name: 'i0', train: 54, held_out: 6, duplicate: 0 }]);
  assert.deepEqual([shown.dataset?.id, shown.dataset?.revision, shown.dataset?.manifest.trainRows], ['d1', 'd1', 54]);
  const first = await read(`${versions}/v2/rows?limit=45`, lineageRowsResponse);
  const second = await read(`${versions}/v2/rows?limit=45&after=${first.next}`, lineageRowsResponse);
  const rows = [...first.rows, ...second.rows];
  assert.equal(new Set(rows.map(({ request_id }) => request_id)).size, 60);
  assert.deepEqual(
    [rows[0]?.operator, rows[0]?.split, rows[9]?.split, rows[59]?.operator],
    ['ann', 'train', 'held_out', 'bob'],
  );
  assert.equal(second.next, null);
});

test('a request leads forward to every version that learned from it, and an unknown one to none', async () => {
  const { learned_from: learned } = await read('/api/lineage?request_id=r05', lineageResponse);
  assert.deepEqual(
    learned.map(({ dataset, operator: by }) => [dataset, by]),
    [['d1', 'ann']],
  );
  assert.deepEqual(
    learned[0]?.versions.map(({ version, champion, tainted }) => `${version} ${champion} ${tainted}`),
    ['v2 true false', 'v3 false true', 'v4 false false', 'v5 false false', 'v6 false false', 'v7 false false'],
  );
  assert.deepEqual(await read('/api/lineage?request_id=nobody', lineageResponse), { learned_from: [] });
  assert.equal((await server.app.inject({ url: '/api/lineage', headers: viewer })).statusCode, 400);
});

test('a certificate comes in words that are checked, with the comparison its gates were asked of', async () => {
  const {
    words,
    comparison,
    champion,
    rollback,
    not_promotable: refused,
  } = await read(`${versions}/v2`, versionResponse);
  assert.equal(words?.state, 'passed');
  assert.match(
    words.headline,
    /^Passed: on the whole eval pack it answers 94\.\d % right, v1 92\.\d %; difference between /,
  );
  assert.match(words.facts[0] ?? '', /^Made from 60 corrections by ann and bob\.$/);
  assert.equal(words.signature.state, 'good');
  assert.deepEqual(
    comparison?.slices.map(({ slice }) => slice),
    ['all', 'billing', 'delivery', 'returns', 'learned/i0'],
  );
  assert.equal(comparison.slices[0]?.margin, 0.05);
  assert.deepEqual([champion, rollback], [true, { from: 'v2', to: 'v1' }]);
  assert.match(refused ?? '', /^v2 is the champion/);
});

test('a candidate that waits is compared before it has a certificate', async () => {
  const { words, comparison, state } = await read(`${versions}/v7`, versionResponse);
  assert.deepEqual([state, words, comparison?.champion, comparison?.slices.length], ['waiting', null, 'v2', 5]);
});

test('a candidate that waits shows every gate with its figures, and one with a certificate shows that', async () => {
  const { judgement } = await read(`${versions}/v7`, versionResponse);
  assert.match(judgement?.headline ?? '', /^Passed: on the whole eval pack it answers 94\.\d % right, v2 92\.\d %/);
  const said = judgement?.gates.map(({ outcome, required, says }) => `${outcome} ${required} ${says}`) ?? [];
  for (const wanted of [
    /^passed true On the whole eval pack it answers 9\d\.\d % right, wanted 90\.0 %\.$/,
    /^passed true Its file has 12\.5 MB, at most 20 allowed\.$/,
    /^passed true 95 % of its answers come within 20 ms, at most 50 allowed\.$/,
    /^passed true On billing it answers/,
  ]) {
    assert.ok(
      said.some((each) => wanted.test(each)),
      `${wanted.source}: ${said.join('\n')}`,
    );
  }
  assert.match(judgement?.facts[0] ?? '', /^Compared with v2 case by case/);
  assert.equal((await read(`${versions}/v2`, versionResponse)).judgement, null);
});

test('a version that may not serve is refused in words, and nothing is asked of Temporal', async () => {
  const seen = server.asked.length;
  for (const [version, code, message] of [
    ['v2', 'promotion_conflict', /champion of mail already/],
    ['v3', 'version_tainted', /learned from rows that were erased/],
    ['v4', 'not_certified', /no good gate certificate.*its gates were not passed/],
    ['v7', 'not_certified', /no good gate certificate/],
    ['v9', 'version_not_found', /has no version of that name/],
  ] as const) {
    const refused = await ask(`${versions}/${version}/promote`, {});
    assert.equal(refused.code, code, version);
    assert.match(refused.message, message);
  }
  assert.equal((await ask(`${versions}/v6/promote`, { champion: 'v1' })).code, 'promotion_conflict');
  assert.equal((await ask('/api/models/mail/rollback', { version: 'v1' })).code, 'promotion_conflict');
  assert.equal((await ask(`${versions}/v6/promote`, { reason: ' ' })).code, 'invalid_request');
  assert.equal(server.asked.length, seen);
});

test('a certified version is promoted and the champion rolled back, with a reason that is redacted', async () => {
  assert.equal((await ask(`${versions}/v6/promote`, { champion: 'v2' })).status, 202);
  assert.equal((await ask('/api/models/mail/rollback', { version: 'v2' })).status, 202);
  assert.deepEqual(server.asked.slice(-2), ['promote v6 ann: mail [EMAIL]', 'rollback ann: mail [EMAIL]']);
  const audit = await server.db.query<{ action: string; subject: string | null; key: string }>(
    `select action, subject, details ->> 'key' as key from relearn.audit where action like 'ask_%' order by id`,
  );
  assert.deepEqual(audit, [
    { action: 'ask_promotion', subject: 'v6', key: 'ann' },
    { action: 'ask_rollback', subject: null, key: 'ann' },
  ]);
});

test('while another version is rolled out, none is promoted beside it', async () => {
  await server.db.query(`update relearn.rollouts set state = 'running', ended_at = null where run = 4`);
  const refused = await ask(`${versions}/v6/promote`, {});
  assert.match(refused.message, /^v5 is being rolled out\. Wait for its end, or take it back first\.$/);
  await server.db.query(`update relearn.rollouts set state = 'rolled_back', ended_at = now() where run = 4`);
});
