import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { issueCertificate } from '../../src/gate/certificate.ts';
import { findOutcome } from '../../src/gate/earlier-runs.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { claimRun, finishRun } from '../../src/retrain/runs.ts';
import type { RetrainStatus } from '../../src/temporal.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { incumbentOf, newKeys } from './fixtures.ts';

const { keys } = newKeys();
const model = 'mail';
let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());

/** A run on a dataset of its own that ended so, judged by pack p and gates g. */
async function endRun(status: RetrainStatus, certified: boolean): Promise<string> {
  const { db } = stack;
  const run = await claimRun(db, { model, key: randomUUID(), triggers: [] });
  const dataset = `dataset ${run}`;
  await db.query(`insert into relearn.datasets (id, model, path, rows, manifest) values ($1, $2, '', 1, '{}')`, [
    dataset,
    model,
  ]);
  const version = await registerVersion(db, {
    ...{ model, kind: 'onnx', artifact: 'ab', dataset, parent: null, run, lowConfidenceBelow: null, metadata: {} },
  });
  const passed = status === 'promoted';
  const content = incumbentOf({ version, kind: 'gated', passed, packSha256: 'p', gatesSha256: 'g' });
  if (certified) await storeCertificate(db, issueCertificate(content, keys));
  await finishRun(db, { model, n: run, status, reason: '12 more cases are needed' });
  return dataset;
}

const look = (dataset: string, more = {}) =>
  findOutcome(stack.db, { model, dataset, before: 1000, packSha256: 'p', gatesSha256: 'g', ...more });

test('data that was refused or inconclusive is not tried again on the same pack and gates, and is on others', async () => {
  for (const status of ['refused', 'inconclusive'] as const) {
    const dataset = await endRun(status, true);
    const found = await look(dataset);
    assert.deepEqual([found?.status, found?.reason], [status, '12 more cases are needed']);
    assert.equal(await look(dataset, { packSha256: 'larger' }), null);
    assert.equal(await look(dataset, { gatesSha256: 'wider' }), null);
    assert.equal(await look(dataset, { before: found?.run ?? 0 }), null, 'a run does not find itself');
  }
});

test('data that was promoted, and so was replaced since, or that a person rejected is not tried again', async () => {
  const promoted = await endRun('promoted', true);
  assert.equal((await look(promoted, { packSha256: 'other' }))?.status, 'promoted');
  assert.equal((await look(await endRun('rejected', false)))?.status, 'rejected');
});

test('a run that a silent judge left open settles nothing', async () => {
  const dataset = await endRun('inconclusive', true);
  const gates = `[{"outcome": "inconclusive", "figures": {"unknownCases": 4}}]`;
  await stack.db.query(
    `update relearn.certificates c set content = jsonb_set(content, '{verdict}', jsonb_build_object('gates', $2::jsonb))
     from relearn.versions v where v.dataset = $1 and c.version = v.version`,
    [dataset, gates],
  );
  assert.equal(await look(dataset), null);
});

test('a run that failed, expired or came too late settles nothing', async () => {
  for (const status of ['failed', 'expired', 'superseded'] as const)
    assert.equal(await look(await endRun(status, true)), null);
});

test('a run whose version learned from rows that were erased since settles nothing', async () => {
  const dataset = await endRun('promoted', true);
  await stack.db.query(`update relearn.versions set tainted_at = now() where dataset = $1`, [dataset]);
  assert.equal(await look(dataset), null);
});
