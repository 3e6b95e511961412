import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { removeTags } from '../../src/tag/remove-tags.ts';
import { pinIncidentRows } from '../../src/watch/incident-rows.ts';
import { getIncident, openIncident } from '../../src/watch/incidents.ts';
import type { Incident } from '../../src/watch/incidents.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { insertRows, rowsFrom } from './rows.ts';

let stack: TestDatabase;
let incident: Incident;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());

const detectedAt = new Date('2026-05-04T06:00:00Z');
const at = (minutes: number): Date => new Date(detectedAt.getTime() + minutes * 60_000);

beforeEach(async () => {
  await stack.db.query(
    'truncate relearn.samples, relearn.recent, relearn.tags, relearn.pins, relearn.incidents, relearn.monitor_verdicts',
  );
  const { id } = await openIncident(stack.db, {
    ...{ model: 'mail', modelVersion: 'v1', monitor: 'confidence', detectedAt, figures: {} },
    ...{ windowHours: 12, hotWindowHours: 24 },
  });
  await stack.db.query('update relearn.incidents set collecting_until = $2 where id = $1', [id, at(60)]);
  incident = await getIncident(stack.db, id);
});

interface Kept {
  id: string;
  kept: string;
  tags: string;
  /** Its chance of being here, as rates see it. */
  pinned: number | null;
}

function keptRows(): Promise<Kept[]> {
  return stack.db.query<Kept>(
    `select s.request_id as id, s.kept_because as kept,
       (select string_agg(tag || ' ' || incident, ',') from relearn.tags t where t.request_id = s.request_id) as tags,
       (select 1 / weight from relearn.weights w where w.request_id = s.request_id) as pinned
     from relearn.samples s order by s.ts, s.request_id`,
  );
}

test('the rows of the window and those after it are brought into samples, pinned and tagged', async () => {
  await insertRows(stack.db, 'recent', [
    { id: 'too-early', ts: at(-12 * 60 - 1) },
    { id: 'first', ts: at(-12 * 60) },
    { id: 'last', ts: at(0) },
    { id: 'after', ts: at(1) },
    { id: 'too-late', ts: at(61) },
    { id: 'probe', ts: at(-5), source: 'probe' },
    { id: 'other', ts: at(-5), model: 'other' },
  ]);
  await stack.db.query(`update relearn.recent set tools = '{"tools":[{}]}'`);
  await insertRows(stack.db, 'samples', [
    { id: 'sampled', ts: at(-30), keptBecause: 'low_confidence' },
    { id: 'sampled-after', ts: at(30), keptBecause: 'post_drift' },
    { id: 'eval', ts: at(-5), source: 'eval' },
  ]);
  const done = await pinIncidentRows(stack.db, incident, { maxPinned: 1000, hotWindowHours: 24 });
  assert.deepEqual(done, { tagged: 5, copied: 3 });
  const row = (id: string, kept: string, tag: string) => ({ id, kept, tags: `${tag} ${incident.id}`, pinned: 1 });
  assert.deepEqual(await keptRows(), [
    row('first', 'drift_window', 'drift_window'),
    row('sampled', 'low_confidence', 'drift_window'),
    { id: 'eval', kept: 'healthy', tags: null, pinned: null },
    row('last', 'drift_window', 'drift_window'),
    row('after', 'post_drift', 'post_drift'),
    row('sampled-after', 'post_drift', 'post_drift'),
  ]);
  const copied = await stack.db.query(
    `select request_id as id from relearn.samples where tools is not null order by ts`,
  );
  assert.deepEqual(copied, [{ id: 'first' }, { id: 'last' }, { id: 'after' }]);
});

test('done again, from the start or from where it stopped, it changes nothing and finds rows written late', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('r', at(-100), 100, 60_000));
  const steps: string[] = [];
  const first = await pinIncidentRows(stack.db, incident, {
    ...{ maxPinned: 1000, hotWindowHours: 24, batch: 30 },
    onBatch: ({ after: done }) => steps.push(done),
  });
  assert.deepEqual([first, steps.length], [{ tagged: 100, copied: 100 }, 4]);
  const rows = await keptRows();
  await insertRows(stack.db, 'recent', [{ id: 'late', ts: at(-90) }]);
  const resumed = await pinIncidentRows(stack.db, incident, { maxPinned: 1000, hotWindowHours: 24, after: steps[1] });
  assert.deepEqual(resumed, { tagged: 0, copied: 0 });
  assert.deepEqual(await keptRows(), rows);
  assert.deepEqual(await pinIncidentRows(stack.db, incident, { maxPinned: 1000, hotWindowHours: 24 }), {
    tagged: 1,
    copied: 1,
  });
});

test('rows of one moment that do not fit a batch are all taken', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('same', at(-1), 25, 0));
  assert.equal(
    (await pinIncidentRows(stack.db, incident, { maxPinned: 1000, hotWindowHours: 24, batch: 10 })).copied,
    25,
  );
});

test('two workers at once bring each row once', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('r', at(-100), 500, 1000));
  const options = { maxPinned: 1000, hotWindowHours: 24, batch: 50 };
  const both = await Promise.all([1, 2].map(() => pinIncidentRows(stack.db, incident, options)));
  assert.equal(
    both.reduce((sum, { copied }) => sum + copied, 0),
    500,
  );
  assert.equal(
    both.reduce((sum, { tagged }) => sum + tagged, 0),
    500,
  );
});

test('over budget the least confident come first, the rest by chance with the whole chance stored', async () => {
  const risky = rowsFrom('risky', at(-600), 200, 1000, { logprob: -0.9 });
  await insertRows(stack.db, 'recent', [...risky, ...rowsFrom('calm', at(-500), 4000, 1000)]);
  await insertRows(stack.db, 'samples', rowsFrom('drawn', at(-400), 200, 1000, { probability: 0.05 }));
  const options = { maxPinned: 400, hotWindowHours: 24, batch: 500 };
  const { copied } = await pinIncidentRows(stack.db, incident, options);
  const rows = await keptRows();
  const named = (name: string) => rows.filter(({ id }) => id.startsWith(name));
  assert.equal(named('risky').length, 200);
  assert.ok(copied <= 400 && copied >= 280, `${copied}`);
  assert.equal(named('calm').length, copied - 200);
  assert.deepEqual(new Set(named('risky').map(({ pinned }) => pinned)), new Set([1]));
  // 200 less three standard deviations, of 4,000 rows; together with a sampling rate of 5 %.
  const p = (200 - 43) / 4000;
  for (const { pinned } of [...named('calm'), ...named('drawn')]) {
    assert.ok(Math.abs((pinned ?? 0) - (0.05 + 0.95 * p)) < 1e-9, `${pinned}`);
  }
  assert.deepEqual(await pinIncidentRows(stack.db, incident, options), { tagged: 0, copied: 0 });
});

test('a batch that would break the budget copies nothing and leaves the chances of its rows as they were', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('window', at(-100), 50, 1000));
  await insertRows(stack.db, 'recent', rowsFrom('after', at(1), 60, 1000));
  await insertRows(stack.db, 'samples', [{ id: 'drawn', ts: at(2), probability: 0.05 }]);
  const done = await pinIncidentRows(stack.db, incident, { maxPinned: 100, hotWindowHours: 24, batch: 50 });
  assert.deepEqual(done, { tagged: 101, copied: 100 });
  assert.equal((await keptRows()).find(({ id }) => id === 'drawn')?.pinned, 0.05);
});

test('rows of hours that are no longer hot stand for those that were not sampled then', async () => {
  const rows = [{ id: 'drawn', ts: at(-30), probability: 0.05 }];
  await insertRows(stack.db, 'samples', rows);
  await pinIncidentRows(stack.db, incident, { maxPinned: 100, hotWindowHours: 0 });
  assert.deepEqual(
    (await keptRows()).map(({ pinned, tags }) => [pinned, tags]),
    [[0.05, `drift_window ${incident.id}`]],
  );
});

test('a tag of the incident that a person took off does not come back', async () => {
  await insertRows(stack.db, 'recent', rowsFrom('r', at(-100), 3, 1000));
  await pinIncidentRows(stack.db, incident, { maxPinned: 100, hotWindowHours: 24 });
  await removeTags(stack.db, { tag: 'drift_window', requestIds: ['r-1'], actor: 'ann' });
  assert.deepEqual(await pinIncidentRows(stack.db, incident, { maxPinned: 100, hotWindowHours: 24 }), {
    ...{ tagged: 0, copied: 0 },
  });
});
