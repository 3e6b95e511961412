import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Database } from '../../src/database.ts';
import { keyedFraction } from '../../src/log/hash-user.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { findRow, pinRows } from '../../src/log/rows.ts';
import { decideSampling } from '../../src/log/sample.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { newRow, newUnsampledRow } from './new-row.ts';

let database: TestDatabase;
let db: Database;

before(async () => {
  database = await createTestDatabase();
  db = database.db;
  await ensureAhead(db, 2);
});
beforeEach(() => db.query('truncate relearn.samples, relearn.recent, relearn.pins'));
after(() => database.close());

test('a row is found wherever it lies, and an unknown one is not', async () => {
  const kept = newRow({ tools: '{"tools":[]}' });
  const unsampled = newUnsampledRow({ userIdHash: null, responseLogprob: null, tools: '{"functions":[]}' });
  await insertRows(db, [kept, unsampled]);
  assert.deepEqual({ ...(await findRow(db, kept.requestId)), incident: null }, { ...kept, kept: true });
  assert.deepEqual({ ...(await findRow(db, unsampled.requestId)), incident: null }, { ...unsampled, kept: false });
  assert.equal(await findRow(db, 'nobody'), null);
});

test('pinning copies rows that were not sampled, once, and passes over unknown ones', async () => {
  const tools = '{"tools":[{}]}';
  const rows = [newRow({ tools }), newUnsampledRow({ tools }), newUnsampledRow({ inclusionProbability: 0, tools })];
  await insertRows(db, rows);
  const ids = rows.map((row) => row.requestId);
  for (let time = 0; time < 2; time += 1) {
    const held = await pinRows(db, [...ids, ids[1] ?? '', 'nobody'], 'report');
    assert.deepEqual(held.sort(), [...ids].sort());
  }
  for (const id of ids) {
    const found = await findRow(db, id);
    assert.deepEqual([found?.kept, found?.tools], [true, tools]);
  }
  assert.deepEqual(await db.query('select reason, probability, count(*) as n from relearn.pins group by 1, 2'), [
    { reason: 'report', probability: 1, n: 3 },
  ]);
  assert.deepEqual(await db.query(`select kept_because, count(*) as n from relearn.samples group by 1 order by 1`), [
    { kept_because: 'flagged', n: 2 },
    { kept_because: 'healthy', n: 1 },
  ]);
});

test('many may pin the same row at once', async () => {
  const row = newUnsampledRow();
  await insertRows(db, [row]);
  await Promise.all(Array.from({ length: 8 }, (_, n) => pinRows(db, [row.requestId], `reason ${n}`)));
  assert.deepEqual(await db.query('select count(*) as n from relearn.samples'), [{ n: 1 }]);
});

test('a pin after the hot window leaves a row its weight, for its like are gone', async () => {
  const ts = new Date(Date.now() - 40 * 3_600_000);
  await db.query(`select relearn.ensure_partition('samples', $1)`, [ts]);
  const row = newRow({ ts });
  await insertRows(db, [row]);
  await pinRows(db, [row.requestId], 'report');
  assert.deepEqual(await db.query('select weight from relearn.weights'), [{ weight: 20 }]);
});

test('a row chosen from the samples keeps its weight', async () => {
  const [sampled, unsampled] = [newRow(), newUnsampledRow()];
  await insertRows(db, [sampled, unsampled]);
  await pinRows(db, [sampled.requestId, unsampled.requestId], 'correction', { chosenFrom: 'samples' });
  assert.deepEqual(await db.query('select weight from relearn.weights order by 1'), [{ weight: 1 }, { weight: 20 }]);
});

test('weights give the true rate of production whether or not a window is pinned', async () => {
  const total = 20_000;
  const start = Date.now();
  // Answer "spam" in 30 % of rows before the window and in 60 % within it, the last tenth.
  const rows = Array.from({ length: total }, (_, n) => {
    const requestId = `r${n}`;
    const inWindow = n >= total * 0.9;
    const fraction = keyedFraction('key', requestId);
    const { keptBecause, inclusionProbability } = decideSampling({
      source: 'production',
      logprob: -0.1,
      lowConfidenceBelow: -1,
      flagged: false,
      incident: null,
      healthyRate: 0.05,
      fraction,
    });
    const response = keyedFraction('truth', requestId) < (inWindow ? 0.6 : 0.3) ? 'spam' : 'ham';
    return newRow({ requestId, ts: new Date(start + n), response, keptBecause, inclusionProbability });
  });
  await insertRows(db, rows);
  await insertRows(db, [newRow({ source: 'probe', response: 'spam' })]);
  const truth = rows.filter((row) => row.response === 'spam').length / total;
  const estimate = async () => {
    const [row] = await db.query<{ rate: number; total: number }>(
      `select sum(w.weight) filter (where s.response = 'spam') / sum(w.weight) as rate, sum(w.weight) as total
       from relearn.weights w join relearn.samples s using (request_id, ts)`,
    );
    return row ?? { rate: -1, total: -1 };
  };
  // About 1,000 sampled rows: the standard error of the rate is 0.015, that of the total 620.
  const before = await estimate();
  assert.ok(Math.abs(before.rate - truth) < 0.05, `rate ${before.rate} of ${truth}`);
  assert.ok(Math.abs(before.total - total) < 2000, `total ${before.total}`);
  await pinRows(
    db,
    rows.slice(total * 0.9).map((row) => row.requestId),
    'drift_window:i1',
    { keptBecause: 'drift_window' },
  );
  const pinned = await estimate();
  assert.ok(Math.abs(pinned.rate - truth) < 0.05, `rate ${pinned.rate} of ${truth}`);
  assert.ok(Math.abs(pinned.total - total) < 2000, `total ${pinned.total}`);
  const [plain] = await db.query<{ rate: number }>(
    `select avg((response = 'spam')::int)::float8 as rate from relearn.samples where source = 'production'`,
  );
  assert.ok((plain?.rate ?? 0) > truth + 0.1, 'the unweighted rate shows what weights are for');
});
