import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { configSchema } from '../../src/config.ts';
import { judgeRollout } from '../../src/promote/judge-rollout.ts';
import { deployChampion, rollBackChampion } from '../../src/promote/promotion.ts';
import { getChampion, listServing, registerVersion } from '../../src/promote/registry.ts';
import { endRollout, readRollout, setChallengerShare } from '../../src/promote/rollout.ts';
import { claimRun } from '../../src/retrain/runs.ts';
import { issueCertificate } from '../../src/gate/certificate.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { incumbentOf, newKeys } from '../gate/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

const { keys } = newKeys();
let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.close());
beforeEach(async () => {
  await database.db.query(`truncate relearn.models cascade`);
  const run = await claimRun(database.db, { model: 'm', key: 'first', triggers: [] });
  await addVersion(null);
  await deploy('v1', 'deploy', 0);
  await addVersion(run);
});

async function addVersion(run: number | null, passed = true): Promise<string> {
  const version = await registerVersion(database.db, {
    ...{ model: 'm', kind: 'onnx', artifact: 'a', dataset: null, parent: null, run, lowConfidenceBelow: null },
    metadata: {},
  });
  const certificate = issueCertificate(incumbentOf({ model: 'm', version, artifact: 'a', passed }), keys);
  await storeCertificate(database.db, certificate);
  return version;
}

const deploy = (version: string, action: 'deploy' | 'promote', expectedToken: number) =>
  deployChampion(database.db, keys, {
    ...{ model: 'm', version, action, key: `${action}/${version}`, actor: 'ann', reason: 'better', expectedToken },
  });

const rollOut = (share: number, version = 'v2') =>
  setChallengerShare(database.db, keys, { model: 'm', run: 1, version, share, expectedToken: 1 });

async function serving() {
  const aliases = await listServing(database.db, ['m']);
  return aliases.map(({ alias, version, share }) => `${alias} ${version} ${share}`).sort();
}

test('a version that learned from rows that were erased since takes no more of the traffic, and is taken out of it', async () => {
  const settings = configSchema.parse({ models: { m: { serve: { kind: 'onnx' }, rollout: { canary: {} } } } }).models[
    'm'
  ];
  const judge = () => judgeRollout(database.db, settings, { model: 'm', run: 1, gold: null });
  await rollOut(0.05);
  assert.notEqual((await judge()).state, 'ended');
  await database.db.query(`update relearn.versions set tainted_at = now() where version = 'v2'`);
  await assert.rejects(rollOut(0.25), { code: 'version_tainted' });
  assert.equal((await readRollout(database.db, 'm', 1)).share, 0.05);
  const { state, reason } = await judge();
  assert.equal(state, 'ended');
  assert.match(reason, /^v2 learned from rows that were erased since/);
});

test('a challenger takes growing shares beside the champion, and is champion in the end', async () => {
  await rollOut(0.05);
  assert.deepEqual(await serving(), ['challenger v2 0.05', 'champion v1 1']);
  await rollOut(0.25);
  await rollOut(0.25);
  assert.deepEqual(await serving(), ['challenger v2 0.25', 'champion v1 1']);
  await deploy('v2', 'promote', 1);
  assert.deepEqual(await serving(), ['champion v2 1']);
  assert.equal((await readRollout(database.db, 'm', 1)).state, 'promoted');
});

test('a version without a passed certificate gets no traffic', async () => {
  await addVersion(null, false);
  await assert.rejects(rollOut(0.05, 'v3'), { code: 'not_certified' });
  assert.deepEqual(await serving(), ['champion v1 1']);
});

test('a rollout against a champion that has changed meanwhile changes nothing', async () => {
  await addVersion(null);
  await deploy('v3', 'deploy', 1);
  await assert.rejects(rollOut(0.05), { code: 'promotion_conflict' });
  assert.deepEqual(await serving(), ['champion v3 1']);
});

test('a rollout that was ended does not come back', async () => {
  await rollOut(0.05);
  const end = { model: 'm', run: 1, state: 'rolled_back', by: 'ann', reason: 'odd answers' } as const;
  await endRollout(database.db, end);
  await endRollout(database.db, { ...end, reason: 'again' });
  assert.equal((await rollOut(0.25)).state, 'rolled_back');
  assert.deepEqual(await serving(), ['champion v1 1']);
  const audit = await database.db.query(`select actor, action from relearn.audit where action like 'rollout%'`);
  assert.deepEqual(audit, [{ actor: 'ann', action: 'rollout_rolled_back' }]);
});

test('a rollback during a rollout takes the challenger back and leaves the champion, once', async () => {
  await rollOut(0.25);
  const rollBack = () => rollBackChampion(database.db, keys, { model: 'm', key: 'rb', by: 'ann', reason: 'odd' });
  assert.deepEqual(await rollBack(), { version: 'v1', from: 'v2' });
  assert.deepEqual(await rollBack(), { version: 'v1', from: 'v2' });
  assert.deepEqual(await serving(), ['champion v1 1']);
  assert.equal((await readRollout(database.db, 'm', 1)).state, 'rolled_back');
});

test('after a rollback during a rollout, the champion can still be taken back', async () => {
  await addVersion(null);
  await deploy('v3', 'promote', 1);
  await setChallengerShare(database.db, keys, { model: 'm', run: 1, version: 'v2', share: 0.5, expectedToken: 2 });
  await rollBackChampion(database.db, keys, { model: 'm', key: 'one', by: 'ann', reason: 'odd' });
  await rollBackChampion(database.db, keys, { model: 'm', key: 'two', by: 'ann', reason: 'odd' });
  assert.equal((await getChampion(database.db, 'm')).version, 'v1');
});
