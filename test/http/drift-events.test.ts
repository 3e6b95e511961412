import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { reviewScopes } from '../../src/http/keys-guard.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { driftEvent, reportDrift } from '../../src/watch/report-drift.ts';
import { setChampion } from '../serve/fixtures.ts';
import { until } from '../until.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { testConfig } from './fixtures.ts';

let database: TestDatabase;
const config = testConfig({ models: { mail: { serve: { kind: 'onnx' } } } });
before(async () => {
  database = await createTestDatabase();
  const version = await registerVersion(database.db, {
    ...{ model: 'mail', kind: 'onnx', artifact: 'a'.repeat(64), dataset: null, parent: null, run: null },
    ...{ lowConfidenceBelow: null, metadata: {} },
  });
  await setChampion(database.db, 'mail', version);
});
after(() => database.close());

const report = (event: object) => reportDrift(database.db, config, driftEvent.parse({ model: 'mail', ...event }));
const incidents = () =>
  database.db.query<{ figures: { reason?: string }; detections: number }>(
    `select figures, detections from relearn.incidents`,
  );

test('one event sent by many at once is one incident with one detection; another event joins it', async () => {
  const event = { event: 'deployment_drift_detected', event_id: 'seen-1', reason: 'call ann@example.com' };
  const reported = await Promise.all(Array.from({ length: 12 }, () => report(event)));
  assert.equal(new Set(reported.map(({ incident }) => incident)).size, 1);
  assert.equal(reported.filter(({ created }) => created).length, 1);
  await Promise.all(Array.from({ length: 12 }, () => report({ event_id: 'seen-2' })));
  const [incident, ...others] = await incidents();
  assert.deepEqual(others, []);
  assert.equal(incident?.detections, 2);
  assert.equal(incident.figures.reason, 'call [EMAIL]');
});

test('an event whose first sender is just opening the incident is no second detection', async () => {
  const { db } = database;
  await db.query('truncate relearn.incidents cascade');
  const { incident } = await report({ event_id: 'other' });
  let late: Promise<{ incident: string }> | undefined;
  await db.transaction(async (tx) => {
    // The row becomes that of the event after the late sender has looked for it, and before it joins.
    await tx.query(`update relearn.incidents set event_id = 'seen-3' where id = $1`, [incident]);
    late = report({ event_id: 'seen-3' });
    await until('the late sender waits for the row', async () => {
      const waiting = await db.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like 'update relearn.incidents%'`,
      );
      return waiting.length > 0;
    });
  });
  assert.equal((await late)?.incident, incident);
  assert.equal((await incidents())[0]?.detections, 1);
});

test('an event of another kind, or with a name of control characters, is refused', () => {
  for (const wrong of [{ event: 'other' }, { event_id: 'a\0' }, { event_id: ' ' }, { monitor: 'a b' }]) {
    assert.ok(!driftEvent.safeParse({ model: 'mail', event_id: 'e', ...wrong }).success, JSON.stringify(wrong));
  }
});

test('reporting drift needs the scope admin', () => {
  assert.equal(reviewScopes['/api/drift-events'], 'admin');
});
