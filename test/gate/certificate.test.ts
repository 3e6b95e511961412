import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  buildCertificate,
  canonicalJson,
  digestGates,
  findCertificate,
  pairedTest,
  storeCertificate,
} from '../../src/gate/certificate.ts';
import type { CertificateContent } from '../../src/gate/certificate.ts';
import { evalRunId, getEvalRun, storeEvalRun } from '../../src/gate/eval-runs.ts';
import { decideVerdict } from '../../src/gate/verdict.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
  for (const run of [1, 2]) {
    await registerVersion(stack.db, {
      ...{ model: 'mail', kind: 'upstream', artifact: null, dataset: null, parent: null, run },
      ...{ lowConfidenceBelow: null, metadata: {} },
    });
  }
});
after(() => stack.close());

const results = Array.from({ length: 300 }, (_, n) => ({ case: `c${n}`, slice: 'all', passed: n > 10 }));
const gates = [{ metric: 'pass_rate' as const, slice: 'all', required: true, maxDrop: 0.025 }];

function content(more: Partial<CertificateContent> = {}): CertificateContent {
  return {
    ...{ model: 'mail', version: 'v1', kind: 'gated', passed: true, artifact: 'ab', dataset: null, champion: 'v0' },
    ...{ packSha256: 'cd', gatesSha256: digestGates(gates), test: pairedTest, approvedBy: null },
    verdict: decideVerdict({ gates, champion: results, candidate: results }),
    issuedAt: '2026-05-04T12:00:00.000Z',
    ...more,
  };
}

test('a certificate is found again as it was built, numbers of each gate included', async () => {
  const certificate = buildCertificate(content());
  await storeCertificate(stack.db, certificate);
  await storeCertificate(stack.db, certificate);
  assert.deepEqual(await findCertificate(stack.db, 'mail', 'v1'), certificate);
  assert.equal(certificate.verdict?.gates[0]?.figures['cases'], 300);
  assert.equal(await findCertificate(stack.db, 'mail', 'v9'), null);
});

test('the id is the digest of the content: what was stored can be checked, and any change shows', async () => {
  const { id, ...stored } = (await findCertificate(stack.db, 'mail', 'v1')) ?? assert.fail();
  assert.equal(buildCertificate(stored).id, id);
  assert.notEqual(buildCertificate({ ...stored, artifact: 'ac' }).id, id);
  const verdict = stored.verdict ?? assert.fail();
  assert.notEqual(buildCertificate({ ...stored, verdict: { ...verdict, verdict: 'fail' } }).id, id);
});

test('a passed certificate is found before a later one that did not pass', async () => {
  const passed = buildCertificate(content({ version: 'v2' }));
  const failed = content({ version: 'v2', passed: false, issuedAt: '2026-05-05T12:00:00.000Z' });
  await storeCertificate(stack.db, buildCertificate(failed));
  assert.equal((await findCertificate(stack.db, 'mail', 'v2'))?.passed, false);
  await storeCertificate(stack.db, passed);
  assert.deepEqual(await findCertificate(stack.db, 'mail', 'v2'), passed);
});

test('canonical JSON does not depend on the order of keys, and keeps the order of lists', () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }, 3], a: null }), '{"a":null,"b":[{"c":2,"d":1},3]}');
  assert.equal(
    digestGates([{ required: true, slice: 'all', metric: 'pass_rate', maxDrop: 0.025 }]),
    digestGates(gates),
  );
  assert.notEqual(digestGates([]), digestGates(gates));
});

test('an eval run is stored once for a version, pack and retrain run', async () => {
  const key = { model: 'mail', version: 'v1', packSha256: 'cd', run: 7 };
  const id = await storeEvalRun(stack.db, { ...key, results });
  assert.equal(await storeEvalRun(stack.db, { ...key, results: [] }), id);
  assert.deepEqual(await getEvalRun(stack.db, id), { id, ...key, results });
  assert.equal(await getEvalRun(stack.db, evalRunId({ ...key, run: null })), null);
});
