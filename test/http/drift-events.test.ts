import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { reviewScopes } from '../../src/http/keys-guard.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { driftEvent, reportDrift } from '../../src/watch/report-drift.ts';
import { setChampion } from '../serve/fixtures.ts';
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

test('an event that ten senders report at the same moment is one detection', async () => {
  await database.db.query('truncate relearn.incidents, relearn.drift_events cascade');
  const sent = await Promise.all(Array.from({ length: 10 }, () => report({ event_id: 'seen-3' })));
  assert.equal(new Set(sent.map(({ incident }) => incident)).size, 1);
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
