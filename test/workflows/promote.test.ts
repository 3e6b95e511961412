import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { outcomeOf } from '../../infra/cli/workflows.ts';
import { readCertificateKeys } from '../../infra/certificate-keys.ts';
import { issueCertificate } from '../../src/gate/certificate.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { getChampion, getVersion, listServing, registerVersion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { incumbentOf } from '../gate/fixtures.ts';
import { model, startLoop, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.rollout = { approval: false, canary: { shares: [0.5], stepMinutes: 0.25, maxLowConfidenceIncrease: 1 } };
  });
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

/** Another version with the first one's file. */
async function addVersion({ certified }: { certified: boolean }): Promise<string> {
  const { db } = loop.database;
  const version = await registerVersion(db, { ...(await getVersion(db, model, 'v1')), run: null });
  if (!certified) return version;
  const { artifact } = await getVersion(db, model, version);
  const keys = await readCertificateKeys(loop.config, () => undefined);
  await storeCertificate(db, issueCertificate(incumbentOf({ model, version, artifact }), keys));
  return version;
}

function promote(version: string) {
  return loop.client.workflow.start('promote', {
    ...{ workflowId: workflowId.promote(model), taskQueue, workflowIdConflictPolicy: 'FAIL' },
    args: [{ model, version, by: 'ann', reason: 'eve@example.com wants it' }],
  });
}

const champion = async () => (await getChampion(loop.database.db, model)).version;
const serving = async () =>
  (await listServing(loop.database.db, [model])).map(({ alias, version }) => `${alias} ${version}`).sort();

test('a certified version is rolled out by the configured shares and is champion in the end', async () => {
  const version = await addVersion({ certified: true });
  const handle = await promote(version);
  await until('a challenger answers', async () => (await serving()).length === 2);
  assert.equal(await champion(), 'v1');
  const outcome: unknown = await handle.result();
  assert.deepEqual(outcome, { status: 'promoted', reason: `${version} serves in place of v1` });
  assert.deepEqual(await serving(), [`champion ${version}`]);
  const deployments = await loop.database.db.query<{ actor: string; reason: string }>(
    `select actor, reason from relearn.deployments where version = $1`,
    [version],
  );
  assert.deepEqual(deployments, [{ actor: 'ann', reason: '[EMAIL] wants it' }]);
  const runs = await loop.database.db.query<{ state: string }>(`select state from relearn.retrain_runs`);
  assert.deepEqual(runs, [{ state: 'promoted' }]);
});

test('a version without a certificate, or one that serves already, is refused with the reason', async () => {
  const uncertified = await addVersion({ certified: false });
  const refusal = async (version: string): Promise<unknown> => outcomeOf<unknown>((await promote(version)).result());
  await assert.rejects(refusal(uncertified), { code: 'workflow_failed', message: /has no good gate certificate/ });
  await assert.rejects(refusal(await champion()), { code: 'workflow_failed', message: /is the champion .* already/ });
  const malformed = loop.client.workflow.execute('promote', { taskQueue, workflowId: 'malformed', args: ['v2'] });
  await assert.rejects(malformed, WorkflowFailedError);
});

test('a rollback while it is rolled out takes it from the traffic, and the champion stays', async () => {
  const before = await champion();
  const handle = await promote(await addVersion({ certified: true }));
  await until('a challenger answers', async () => (await serving()).length === 2);
  await loop.client.workflow.execute('rollback', {
    ...{ workflowId: workflowId.rollback(model), taskQueue, args: [{ model, by: 'bob', reason: 'odd answers' }] },
  });
  assert.deepEqual(await handle.result(), { status: 'rolled_back', reason: 'odd answers' });
  assert.deepEqual(await serving(), [`champion ${before}`]);
});
