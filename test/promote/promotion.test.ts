import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { deployChampion, rollBackChampion } from '../../src/promote/promotion.ts';
import { openIncident } from '../../src/watch/incidents.ts';
import { championLearned, getChampion, registerVersion } from '../../src/promote/registry.ts';
import { issueCertificate } from '../../src/gate/certificate.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { incumbentOf, newKeys } from '../gate/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

const keys = newKeys().keys;

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());
beforeEach(async () => {
  await database.db.query(`truncate relearn.models cascade`);
});

async function addVersion(run: number, { passed = true, dataset = null as string | null } = {}): Promise<string> {
  const { db } = database;
  const version = await registerVersion(db, {
    ...{ model: 'm', kind: 'onnx', artifact: 'a', dataset, parent: null, run, lowConfidenceBelow: null, metadata: {} },
  });
  await storeCertificate(db, issueCertificate(incumbentOf({ model: 'm', version, artifact: 'a', passed }), keys));
  return version;
}

const promote = (version: string, expectedToken: number, key = `run/${version}`) =>
  deployChampion(database.db, keys, {
    ...{ model: 'm', version, action: 'promote', key, actor: 'ann', reason: 'better', expectedToken },
  });

const champion = async () => {
  const { version, token } = await getChampion(database.db, 'm');
  return { version, token };
};

test('a version without a passed certificate never becomes champion', async () => {
  const version = await addVersion(1, { passed: false });
  await assert.rejects(promote(version, 0), { code: 'not_certified' });
  await assert.rejects(champion(), { code: 'model_not_ready' });
});

test('a version that learned from rows that were erased since is not promoted', async () => {
  const version = await addVersion(1);
  await database.db.query(`update relearn.versions set tainted_at = now()`);
  await assert.rejects(promote(version, 0), { code: 'version_tainted' });
  await assert.rejects(champion(), { code: 'model_not_ready' });
});

test('a promotion against a champion that has changed meanwhile changes nothing', async () => {
  await promote(await addVersion(1), 0);
  const { token } = await champion();
  await promote(await addVersion(2), token);
  await assert.rejects(promote(await addVersion(3), token), { code: 'promotion_conflict' });
  assert.equal((await champion()).version, 'v2');
});

test('the same promotion made twice is one deployment', async () => {
  const version = await addVersion(1);
  await promote(version, 0);
  await promote(version, 0);
  const deployments = await database.db.query(`select 1 from relearn.deployments`);
  assert.equal(deployments.length, 1);
  assert.equal((await champion()).token, 1);
});

test('of ten promotions at once against the same champion one wins', async () => {
  await promote(await addVersion(1), 0);
  const versions = await Promise.all(Array.from({ length: 10 }, (_, index) => addVersion(index + 2)));
  const outcomes = await Promise.allSettled(versions.map((version) => promote(version, 1)));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal((await champion()).token, 2);
});

test('a rollback returns to the version before, says so once, and does not go back and forth', async () => {
  await promote(await addVersion(1), 0);
  await promote(await addVersion(2), 1);
  const back = { model: 'm', key: 'rollback/1', by: 'ann', reason: 'worse' };
  assert.deepEqual(await rollBackChampion(database.db, keys, back), { version: 'v1', from: 'v2' });
  assert.deepEqual(await rollBackChampion(database.db, keys, back), { version: 'v1', from: 'v2' });
  assert.equal((await champion()).version, 'v1');
  await assert.rejects(rollBackChampion(database.db, keys, { ...back, key: 'rollback/2' }), {
    code: 'version_not_found',
  });
});

test('a champion leads back to its rows and the incident they came from', async () => {
  const { db } = database;
  await db.query(`insert into relearn.models (name) values ('m')`);
  await db.query(`insert into relearn.datasets (id, model, path, rows, manifest) values ('d1', 'm', 'p', 2, '{}')`);
  await db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
     values ('d1', 'r1', 'c1', 'train', 'i1'), ('d1', 'r2', 'c2', 'held_out', 'i2')`,
  );
  await promote(await addVersion(1, { dataset: 'd1' }), 0);
  assert.equal(await championLearned(db, 'm', 'i1'), true);
  assert.equal(await championLearned(db, 'm', 'i2'), false, 'what is held out was not learned');
  assert.equal(await championLearned(db, 'm', 'other'), false);
});

test('a champion has learned from an incident only what the version that drifted had not', async () => {
  const { db } = database;
  await db.query(`insert into relearn.models (name) values ('m')`);
  await db.query(
    `insert into relearn.datasets (id, model, path, rows, manifest)
     values ('d1', 'm', 'p', 1, '{}'), ('d2', 'm', 'p', 2, '{}')`,
  );
  await db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
     values ('d1', 'r1', 'c1', 'train', 'before'), ('d2', 'r1', 'c1', 'train', 'before'), ('d2', 'r2', 'c2', 'train', 'now')`,
  );
  const { id } = await openIncident(db, {
    ...{ model: 'm', modelVersion: 'v1', monitor: 'slo', detectedAt: new Date(), figures: {} },
    ...{ windowHours: 12, hotWindowHours: 24 },
  });
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source)
     select r, 'drift_window', $1, 'm', 'drift' from unnest(array['r1', 'r2']) r`,
    [id],
  );
  await promote(await addVersion(1, { dataset: 'd1' }), 0);
  assert.equal(await championLearned(db, 'm', id), false, 'its window holds what taught v1');
  await promote(await addVersion(2, { dataset: 'd2' }), 1);
  assert.equal(await championLearned(db, 'm', id), true);
});
