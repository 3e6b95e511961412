import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Database } from '../../src/database.ts';
import { keyedFraction } from '../../src/log/hash-user.ts';
import { ensurePartitions, insertRows } from '../../src/log/insert-rows.ts';
import { drawReservoirs } from '../../src/log/reservoir.ts';
import type { LogRow } from '../../src/log/row.ts';
import { pinRows } from '../../src/log/rows.ts';
import { decideSampling } from '../../src/log/sample.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { newRow } from './new-row.ts';

let database: TestDatabase;
let db: Database;
const hashKey = 'a key for tests only';
const hour = new Date('2026-05-10T08:00:00Z');
const now = new Date('2026-05-10T10:00:00Z');
const options = { model: 'mail', perHour: 400, hashKey, now };

before(async () => {
  database = await createTestDatabase();
  db = database.db;
  const at = (hours: number) => new Date(hour.getTime() + hours * 3_600_000);
  await ensurePartitions(db, [
    { parent: 'samples', at: hour },
    ...[0, 1, 2].map((hours) => ({ parent: 'recent' as const, at: at(hours) })),
  ]);
});
beforeEach(() =>
  db.query('truncate relearn.samples, relearn.recent, relearn.pins, relearn.draws, relearn.incidents, relearn.tags'),
);
after(() => database.close());

/** Traffic of the hour, a fifth of it wrong; the unsure rows are kept, the others as `healthyRate` says. */
function traffic(count: number, healthyRate: number): LogRow[] {
  return Array.from({ length: count }, (_, index) => {
    const requestId = `req-${String(index).padStart(6, '0')}`;
    const logprob = index % 25 === 0 ? -2 : -0.1;
    const decision = decideSampling({
      ...{ source: 'production', logprob, lowConfidenceBelow: -0.7, flagged: false, incident: null, healthyRate },
      fraction: keyedFraction(hashKey, requestId),
    });
    return newRow({
      requestId,
      ts: new Date(hour.getTime() + (index * 3_600_000) / count),
      response: index % 5 === 0 ? 'spam' : 'ham',
      responseLogprob: logprob,
      keptBecause: decision.keptBecause,
      inclusionProbability: decision.inclusionProbability,
    });
  });
}

async function spamRate(): Promise<{ rate: number; total: number }> {
  const [row] = await db.query<{ rate: number; total: number }>(
    `select sum(weight) filter (where response = 'spam') / sum(weight) as rate, sum(weight) as total
     from relearn.weights join relearn.samples using (request_id, ts)`,
  );
  return row ?? { rate: 0, total: 0 };
}

/** A window in which the wrong rows are twice as many, all of it pinned, as an incident does. */
async function pinWindow(rows: readonly LogRow[]): Promise<void> {
  const window = rows.slice(2000, 3000).map(({ requestId }) => requestId);
  assert.equal((await pinRows(db, window, 'incident/i1', { keptBecause: 'drift_window' })).length, 1000);
}

for (const [name, healthyRate] of [
  ['a rate', 0.05],
  ['a reservoir that is drawn after the pins', 0],
] as const) {
  test(`with ${name}, weights give the planted rate of 20 % although a window is pinned`, async () => {
    const rows = traffic(8000, healthyRate);
    await insertRows(db, rows);
    await pinWindow(rows);
    if (healthyRate === 0) await drawReservoirs(db, options);
    const { rate, total } = await spamRate();
    // About 370 drawn rows stand for 7,000: standard deviations of 2 points and 330 rows. The draw is by fixed hashes.
    assert.ok(Math.abs(rate - 0.2) < 0.05, `rate ${rate}`);
    assert.ok(Math.abs(total - 8000) < 1000, `total ${total}`);
  });
}

test('with a reservoir drawn before the pins, weights give the planted rate too', async () => {
  const rows = traffic(8000, 0);
  await insertRows(db, rows);
  const [draw] = await drawReservoirs(db, options);
  assert.deepEqual(draw, { hour, healthyRows: 7680, drawn: 400 });
  await pinWindow(rows);
  const { rate, total } = await spamRate();
  assert.ok(Math.abs(rate - 0.2) < 0.05, `rate ${rate}`);
  assert.ok(Math.abs(total - 8000) < 1000, `total ${total}`);
});

test('the rows with the smallest keyed hashes are drawn, once, however many workers draw', async () => {
  const rows = traffic(3000, 0).map((row) => ({ ...row, tools: '{"tools":[{}]}' }));
  await insertRows(db, rows);
  const drawn = await Promise.all(Array.from({ length: 4 }, () => drawReservoirs(db, options)));
  assert.equal(drawn.flat().length, 1);
  assert.deepEqual(await drawReservoirs(db, options), []);
  const healthy = rows.filter(({ keptBecause }) => keptBecause === null);
  const smallest = healthy
    .map(({ requestId }) => ({ requestId, fraction: keyedFraction(hashKey, requestId) }))
    .sort((a, b) => a.fraction - b.fraction)
    .slice(0, 400)
    .map(({ requestId }) => requestId);
  const stored = await db.query<{ id: string; p: number; tools: string }>(
    `select request_id as id, inclusion_probability as p, tools from relearn.samples where kept_because = 'healthy'`,
  );
  assert.deepEqual(stored.map(({ id }) => id).sort(), smallest.sort());
  assert.ok(stored.every(({ p, tools }) => p === 400 / healthy.length && tools === '{"tools":[{}]}'));
});

test('an hour with fewer rows than the reservoir holds is kept whole, with certainty', async () => {
  await insertRows(db, traffic(100, 0));
  assert.deepEqual(await drawReservoirs(db, options), [{ hour, healthyRows: 96, drawn: 96 }]);
  assert.deepEqual(await db.query(`select distinct inclusion_probability as p from relearn.samples`), [{ p: 1 }]);
});

test('an hour that may still be written to is not drawn yet, nor are probes and other models', async () => {
  const row = (ts: string) => newRow({ ts: new Date(ts), keptBecause: null, inclusionProbability: 0 });
  await insertRows(db, [
    row('2026-05-10T09:30:00Z'),
    { ...row('2026-05-10T08:30:00Z'), source: 'probe' },
    { ...row('2026-05-10T08:30:00Z'), model: 'other' },
  ]);
  assert.deepEqual(await drawReservoirs(db, options), [{ hour, healthyRows: 0, drawn: 0 }]);
  assert.deepEqual(await db.query('select from relearn.samples'), []);
});

test('rows that an incident over its budget pinned by chance are weighed by their whole chance', async () => {
  const rows = traffic(6000, 0);
  await insertRows(db, rows);
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, collecting_until, figures)
     values ('i1', 'mail', 'mail-1', 'gold', $1::timestamptz + interval '1 hour', $1, $1::timestamptz + interval '1 hour',
       '{"pinning": {"p": 0.1, "copied": 0, "cutoff": null}}')`,
    [hour],
  );
  await db.query(
    `with chosen as (
       insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, kept_because,
         inclusion_probability, source)
       select request_id, ts, model, model_version, prompt, response, latency_ms, 'drift_window', 0, source
       from relearn.recent where hashtextextended(request_id, 1) & 1023 < 102 returning request_id
     )
     insert into relearn.pins (request_id, reason, probability) select request_id, 'incident/i1', 0.1 from chosen`,
  );
  await drawReservoirs(db, options);
  const { total } = await spamRate();
  // Without mending the 10 % that were pinned would stand for all, and the drawn ones for nearly all once more: 11,000.
  assert.ok(Math.abs(total - 6000) < 700, `total ${total}`);
});
