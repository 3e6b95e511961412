import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyedFraction } from '../../src/log/hash-user.ts';
import { ensurePartitions, insertRows } from '../../src/log/insert-rows.ts';
import { drawReservoirs } from '../../src/log/reservoir.ts';
import { createTestDatabase } from '../stack.ts';
import { until } from '../until.ts';
import { newUnsampledRow } from './new-row.ts';

const hashKey = 'a key for tests only';
const hour = new Date('2026-05-10T08:00:00Z');
const options = { model: 'mail', perHour: 100, hashKey, now: new Date('2026-05-10T10:00:00Z') };

test('rows that come after their hour was drawn are judged by its threshold, once, and stand for the others', async (t) => {
  const database = await createTestDatabase();
  const { db } = database;
  t.after(() => database.close());
  await ensurePartitions(db, [
    { parent: 'samples', at: hour },
    { parent: 'recent', at: hour },
  ]);
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => newUnsampledRow({ requestId: `r${from + n}`, ts: hour, model: 'mail' }));
  const drawn = () =>
    db.query<{ id: string; p: number }>(
      `select request_id as id, inclusion_probability as p from relearn.samples order by request_id`,
    );
  await insertRows(db, rows(0, 1000));
  await drawReservoirs(db, options);
  const first = await drawn();
  const threshold = Math.max(...first.map(({ id }) => keyedFraction(hashKey, id)));
  assert.equal(first.length, 100);

  const late = rows(1000, 600);
  await insertRows(db, late);
  const wanted = late.filter(({ requestId }) => keyedFraction(hashKey, requestId) <= threshold);
  const all = await until('Postgres has counted the late rows', async () => {
    assert.deepEqual(await drawReservoirs(db, options), []);
    const now = await drawn();
    return now.length > 100 && now;
  });
  assert.deepEqual(
    all.filter(({ p }) => p === threshold).map(({ id }) => id),
    wanted.map(({ requestId }) => requestId).sort(),
  );
  assert.equal(all.length, 100 + wanted.length);

  await insertRows(db, rows(2000, 3000));
  const more = await until('the next late rows are drawn', async () => {
    await drawReservoirs(db, options);
    const now = await drawn();
    return now.length > all.length && now;
  });
  assert.equal(more.length, all.length + 100, 'no more than the reservoir holds are taken of one coming');
  const weight = more.reduce((sum, { p }) => sum + 1 / p, 0);
  assert.ok(Math.abs(weight - 4600) < 900, `${weight}`);
});
