import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { countOpenIncident } from '../../src/correct/review-progress.ts';
import {
  getIncident,
  incidentProgress,
  listIncidents,
  openIncident,
  setIncidentState,
} from '../../src/watch/incidents.ts';
import { recordVerdict } from '../../src/watch/verdicts.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());

const detectedAt = new Date('2026-05-04T12:00:00.250Z');
const hours = (n: number): Date => new Date(detectedAt.getTime() - n * 3_600_000);
const detection = (model: string, more = {}) => ({
  model,
  modelVersion: 'v1',
  monitor: 'confidence',
  detectedAt,
  figures: { effect: 0.3 },
  windowHours: 12,
  hotWindowHours: 24,
  ...more,
});

test('an incident has a readable id, and two in one second have different ones', async () => {
  const first = await openIncident(stack.db, detection('a'));
  assert.deepEqual(first, { id: '20260504T120000-confidence', created: true });
  assert.equal((await openIncident(stack.db, detection('a2'))).id, '20260504T120000-confidence-2');
  const outside = await openIncident(stack.db, detection('a3', { monitor: 'My Detector/7' }));
  assert.equal(outside.id, '20260504T120000-my-detector-7');
  const incident = await getIncident(stack.db, first.id);
  assert.equal(incident.state, 'open');
  assert.deepEqual(incident.figures, { effect: 0.3 });
});

test('the window begins at the last clean verdict, within 12 and 24 hours; without one 12 hours before', async () => {
  const windowStart = async (model: string, cleanHoursAgo: number[]): Promise<Date> => {
    const key = { model, modelVersion: 'v1', monitor: 'confidence' };
    for (const n of cleanHoursAgo) {
      const clean = { state: 'clean', effect: 0, reason: '', figures: {} } as const;
      await recordVerdict(stack.db, { ...key, look: `${n}`, at: hours(n) }, clean);
    }
    return (await getIncident(stack.db, (await openIncident(stack.db, detection(model))).id)).windowStart;
  };
  assert.deepEqual(await windowStart('w1', []), hours(12));
  assert.deepEqual(await windowStart('w2', [30, 1]), hours(12));
  assert.deepEqual(await windowStart('w3', [30, 18]), hours(18));
  assert.deepEqual(await windowStart('w4', [30]), hours(24));
  // A clean verdict later than the detection, as an event that arrives late has it, says nothing about it.
  assert.deepEqual(await windowStart('w5', [18, -1]), hours(18));
});

test('a further detection joins the open incident', async () => {
  const first = await openIncident(stack.db, detection('b'));
  const second = await openIncident(stack.db, detection('b', { monitor: 'gold_set' }));
  assert.deepEqual(second, { id: first.id, created: false });
  assert.equal((await getIncident(stack.db, first.id)).detections, 2);
});

test('twenty detections at once open one incident and count twenty', async () => {
  const opened = await Promise.all(Array.from({ length: 20 }, () => openIncident(stack.db, detection('race'))));
  assert.equal(new Set(opened.map(({ id }) => id)).size, 1);
  assert.equal(opened.filter(({ created }) => created).length, 1);
  assert.equal((await getIncident(stack.db, opened[0]?.id ?? '')).detections, 20);
});

test('many models that drift in the same second get an incident each', async () => {
  const models = Array.from({ length: 5 }, (_, n) => `same-second-${n}`);
  const opened = await Promise.all(models.map((model) => openIncident(stack.db, detection(model, { monitor: 'm' }))));
  assert.equal(new Set(opened.map(({ id }) => id)).size, 5);
});

test('an event that is sent again changes nothing, whether it opened an incident, joined it, or the incident ended', async () => {
  const event = (eventId: string) => openIncident(stack.db, detection('c', { eventId }));
  const { id } = await event('opens');
  assert.deepEqual(await event('opens'), { id, created: false });
  assert.deepEqual(await event('joins'), { id, created: false });
  assert.deepEqual(await event('joins'), { id, created: false });
  assert.equal((await getIncident(stack.db, id)).detections, 2);
  await setIncidentState(stack.db, id, 'closed', { reason: 'nothing to do' });
  assert.deepEqual(await event('opens'), { id, created: false });
  assert.deepEqual(await event('joins'), { id, created: false });
  const next = await event('another');
  assert.equal(next.created, true);
  assert.notEqual(next.id, id);
});

test('the same event id of another model is another event, and each that joined is known however many followed', async () => {
  const { id } = await openIncident(stack.db, detection('d1', { eventId: 'e' }));
  const other = await openIncident(stack.db, detection('d2', { eventId: 'e' }));
  assert.notEqual(other.id, id);
  for (let n = 0; n < 103; n += 1) await openIncident(stack.db, detection('d1', { eventId: `e${n}` }));
  assert.deepEqual(await openIncident(stack.db, detection('d1', { eventId: 'e0' })), { id, created: false });
  assert.equal((await getIncident(stack.db, id)).detections, 104);
  const atOnce = await Promise.all(
    Array.from({ length: 10 }, () => openIncident(stack.db, detection('d1', { eventId: 'once' }))),
  );
  assert.deepEqual(new Set(atOnce.map((opened) => opened.id)), new Set([id]));
  assert.equal((await getIncident(stack.db, id)).detections, 105);
});

test('an end is final: it ends collecting, may be said twice, and nothing follows it', async () => {
  const { id } = await openIncident(stack.db, detection('e'));
  assert.equal((await setIncidentState(stack.db, id, 'collecting')).state, 'collecting');
  const closed = await setIncidentState(stack.db, id, 'resolved', { reason: 'v2 is champion' });
  assert.equal(closed.reason, 'v2 is champion');
  assert.ok(closed.closedAt !== null && closed.collectingUntil !== null);
  assert.deepEqual(await setIncidentState(stack.db, id, 'resolved', { reason: 'again' }), closed);
  await assert.rejects(setIncidentState(stack.db, id, 'collecting'), { code: 'incident_not_open' });
  await assert.rejects(setIncidentState(stack.db, 'none', 'closed'), { code: 'incident_not_found' });
  assert.deepEqual(
    [await listIncidents(stack.db, { model: 'e', open: true }), (await listIncidents(stack.db, { model: 'e' })).length],
    [[], 1],
  );
});

test('collecting ends with the grace time, once, and begins again when the incident goes back to collecting', async () => {
  const { id } = await openIncident(stack.db, detection('f'));
  const { collectingUntil } = await setIncidentState(stack.db, id, 'grace');
  assert.ok(collectingUntil !== null);
  assert.deepEqual((await setIncidentState(stack.db, id, 'resolved')).collectingUntil, collectingUntil);

  const { id: other } = await openIncident(stack.db, detection('f'));
  await setIncidentState(stack.db, other, 'grace');
  assert.equal((await setIncidentState(stack.db, other, 'collecting')).collectingUntil, null);
});

test('progress counts distinct tagged rows, those corrected, and those whose last correction differs', async () => {
  const { id } = await openIncident(stack.db, detection('g'));
  await stack.db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source)
     select r, t, $1, 'g', 'drift' from (values ('r1','drift_window'),('r1','x'),('r2','post_drift'),('r3','post_drift'),
       ('r4','post_drift'),('r5','post_drift')) as v (r, t)
     union all select 'r6', 'drift_window', 'another', 'g', 'drift'`,
    [id],
  );
  await stack.db.query(
    `insert into relearn.corrections (id, request_id, model, completion, operator, source, verified, equals_response)
     select n::text, r, 'g', '', '', 'signal', verified, equal from (values
       (1,'r1',true,false),(2,'r1',true,false),(3,'r2',true,true),(4,'r3',true,false),(5,'r3',true,true),
       (6,'r4',true,true),(7,'r4',true,false),(8,'r5',false,false),(9,'r6',true,false)) as v (n, r, verified, equal)
     order by n`,
  );
  assert.deepEqual(await incidentProgress(stack.db, id), {
    ...{ rows: 5, corrected: 4, counted: 2, disagreements: 0, detectedAgain: false },
  });
});

test('what the version that drifted had learned already counts no more, until somebody says otherwise', async () => {
  const { db } = stack;
  const { id } = await openIncident(db, detection('w', { modelVersion: 'v2' }));
  await db.query(`insert into relearn.models (name) values ('w')`);
  await db.query(`insert into relearn.datasets (id, model, path, rows, manifest) values ('wd', 'w', 'p', 2, '{}')`);
  await db.query(`insert into relearn.versions (model, version, n, kind, dataset) values ('w', 'v2', 2, 'onnx', 'wd')`);
  await db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split)
     values ('wd', 'w1', 'wc1', 'train'), ('wd', 'w2', 'wc2', 'held_out')`,
  );
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source)
     select r, 'drift_window', $1, 'w', 'drift' from unnest(array['w1', 'w2', 'w3']) r`,
    [id],
  );
  const correct = (correction: string, request: string) =>
    db.query(
      `insert into relearn.corrections (id, request_id, model, completion, operator, source, verified, equals_response)
       values ($1, $2, 'w', $1, 'ann', 'api', true, false)`,
      [correction, request],
    );
  for (const n of ['1', '2', '3']) await correct(`wc${n}`, `w${n}`);
  const counts = async () => {
    const { corrected, counted } = await incidentProgress(db, id);
    return { corrected, counted, shown: (await countOpenIncident(db, 'w'))?.counted };
  };
  assert.deepEqual(await counts(), { corrected: 3, counted: 1, shown: 1 });
  await correct('again', 'w1');
  assert.deepEqual(await counts(), { corrected: 3, counted: 2, shown: 2 });
});

test('rows of which two people say different things are counted; one who changes their mind is no disagreement', async () => {
  const { id } = await openIncident(stack.db, detection('h'));
  await stack.db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source)
     select r, 'post_drift', $1, 'h', 'drift' from unnest(array['h1', 'h2', 'h3']) r`,
    [id],
  );
  await stack.db.query(
    `insert into relearn.corrections (id, request_id, model, completion, operator, source, verified, equals_response)
     select 'h' || n, r, 'h', said, who, 'signal', verified, false from (values
       (1, 'h1', 'a', 'ann', true), (2, 'h1', 'b', 'bob', true), (3, 'h2', 'a', 'ann', true), (4, 'h2', 'b', 'ann', true),
       (5, 'h3', 'a', 'ann', true), (6, 'h3', 'b', 'a user', false)) as v (n, r, said, who, verified) order by n`,
  );
  assert.equal((await incidentProgress(stack.db, id)).disagreements, 1);
});

test('an incident that is detected again in its grace time is not resolved, an older event does not matter', async () => {
  const { id } = await openIncident(stack.db, detection('again'));
  await setIncidentState(stack.db, id, 'grace');
  await openIncident(stack.db, detection('again', { eventId: 'late news' }));
  assert.equal((await incidentProgress(stack.db, id)).detectedAgain, false);
  await openIncident(stack.db, detection('again', { detectedAt: new Date(Date.now() + 1000) }));
  assert.equal((await incidentProgress(stack.db, id)).detectedAgain, true);
  assert.equal((await setIncidentState(stack.db, id, 'resolved')).state, 'grace');
  await setIncidentState(stack.db, id, 'collecting');
  assert.equal((await incidentProgress(stack.db, id)).detectedAgain, false);
});

test('the audit says who reported, closed and with which key, once however often the step runs', async () => {
  const ann = { name: 'ann', key: 'console' };
  const { id } = await openIncident(stack.db, detection('audited', { eventId: 'e', by: ann }));
  await openIncident(stack.db, detection('audited', { eventId: 'e', by: ann }));
  for (let turn = 0; turn < 2; turn += 1) {
    await setIncidentState(stack.db, id, 'closed', { reason: 'enough', by: ann });
  }
  const audit = await stack.db.query(
    `select actor, action, details->>'key' as key from relearn.audit where subject = $1 order by id`,
    [id],
  );
  assert.deepEqual(audit, [
    { actor: 'ann', action: 'drift_event', key: 'console' },
    { actor: 'ann', action: 'incident_closed', key: 'console' },
  ]);
});
