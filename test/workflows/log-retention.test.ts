import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { taskQueue } from '../../src/temporal.ts';
import { model, startLoop, type Loop } from '../loop.ts';
import { insertRow } from '../rows.ts';

let loop: Loop;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);

before(async () => {
  loop = await startLoop(({ models }) => Object.assign(models[model] ?? {}, { sampling: { reservoirPerHour: 5 } }));
  await loop.startWorker();
});
after(() => loop.close());

test('what was said of rows that are long gone is deleted', async () => {
  const { db } = loop.database;
  await db.query(
    `insert into relearn.feedback (id, request_id, model, kind, comment, created_at)
     select gen_random_uuid(), at::text, $1, 'report', 'a comment', at from unnest($2::timestamptz[]) at`,
    [model, [hoursAgo((loop.config.log.retentionDays + 2) * 24), hoursAgo(1)]],
  );
  await loop.client.workflow.execute('logRetention', { workflowId: `log-retention/${randomUUID()}`, taskQueue });
  assert.deepEqual(await db.query(`select created_at > now() - interval '1 day' as young from relearn.feedback`), [
    { young: true },
  ]);
});

test('what killed builds left of their datasets is deleted', async () => {
  const datasets = join(loop.config.stateDir, 'datasets');
  await mkdir(join(datasets, 'draft-killed'));
  await utimes(join(datasets, 'draft-killed'), hoursAgo(3), hoursAgo(3));
  await loop.client.workflow.execute('logRetention', { workflowId: `log-retention/${randomUUID()}`, taskQueue });
  assert.deepEqual(await readdir(datasets), []);
});

test('retention draws the reservoir of a closed hour before it drops the hour, however often it runs', async () => {
  const { db } = loop.database;
  const ts = hoursAgo(30);
  for (let n = 0; n < 20; n += 1) await insertRow(db, { model, ts, table: 'recent' });
  const retain = () =>
    loop.client.workflow.execute('logRetention', { workflowId: `log-retention/${randomUUID()}`, taskQueue });
  const part = `recent_${ts.toISOString().slice(0, 13).replaceAll(/[-T]/g, '')}`;
  assert.deepEqual(await retain(), { status: 'done', dropped: [part] });
  assert.deepEqual(await retain(), { status: 'done', dropped: [] });
  assert.deepEqual(
    await db.query('select kept_because, inclusion_probability as p, count(*) as n from relearn.samples group by 1, 2'),
    [{ kept_because: 'healthy', p: 0.25, n: 5 }],
  );
});
