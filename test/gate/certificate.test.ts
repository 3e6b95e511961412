import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { canonicalJson, digestJson } from '../../src/gate/canonical-json.ts';
import { openCertificateKeys } from '../../src/gate/certificate-keys.ts';
import {
  digestGates,
  findFault,
  issueCertificate,
  pairedTest,
  type CertificateContent,
} from '../../src/gate/certificate.ts';
import { describeCertificate } from '../../src/gate/describe-certificate.ts';
import { evalRunId, getEvalRun, storeEvalRun } from '../../src/gate/eval-runs.ts';
import { summariseSlices } from '../../src/gate/slices.ts';
import {
  countPackUses,
  findCertificate,
  parseCertificate,
  requireCertificate,
  storeCertificate,
} from '../../src/gate/stored-certificates.ts';
import { decideVerdict } from '../../src/gate/verdict.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { digestUpstream } from '../../src/promote/upstream-version.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { incumbentOf, newKeys } from './fixtures.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
  for (const run of [1, 2, 3, 4, 5]) {
    await registerVersion(stack.db, {
      ...{ model: 'mail', kind: 'onnx', artifact: 'ab', dataset: null, parent: null, run },
      ...{ lowConfidenceBelow: null, metadata: {} },
    });
  }
});
after(() => stack.close());

const { keys, publicPem } = newKeys();
const results = Array.from({ length: 300 }, (_, n) => ({ case: `c${n}`, slice: 'all', passed: n > 10 }));
const gates = [{ metric: 'pass_rate' as const, slice: 'all', required: true, maxDrop: 0.025 }];

function content(more: Partial<CertificateContent> = {}): CertificateContent {
  return incumbentOf({
    ...{ kind: 'gated', champion: 'v0', packSha256: 'cd', packUses: 1, casesSha256: 'ef', test: pairedTest },
    ...{ gates, gatesSha256: digestGates(gates), slices: summariseSlices(results, results) },
    verdict: decideVerdict({ gates, champion: results, candidate: results }),
    ...more,
  });
}
const subject = (version: string) => ({ model: 'mail', version, kind: 'onnx' as const, artifact: 'ab', metadata: {} });

test('a certificate is found again as it was issued, numbers of each gate and slice included', async () => {
  const certificate = issueCertificate(content(), keys);
  await storeCertificate(stack.db, certificate);
  await storeCertificate(stack.db, certificate);
  assert.deepEqual(await findCertificate(stack.db, 'mail', 'v1'), certificate);
  assert.deepEqual(await requireCertificate(stack.db, keys, subject('v1')), certificate, 'the very same');
  assert.equal(certificate.verdict?.gates[0]?.figures['cases'], 300);
  assert.equal(certificate.slices[0]?.passed, 289);
  assert.equal(await findCertificate(stack.db, 'mail', 'v9'), null);
});

test('whatever is changed in a signed certificate, it is no longer good', () => {
  const certificate = issueCertificate(content(), keys);
  assert.equal(findFault(certificate, keys), null);
  for (const [field, value] of Object.entries(content())) {
    const other =
      typeof value === 'string' ? `${value}0` : value === null ? 'x' : typeof value === 'boolean' ? !value : 7;
    const changed = { ...certificate, [field]: other };
    assert.match(findFault(changed, keys) ?? '', /content is not what its id names/, field);
    const fitting = { ...changed, id: digestJson({ ...content(), [field]: other }) };
    assert.match(findFault(fitting, keys) ?? '', /signature does not fit/, field);
  }
  assert.match(findFault({ ...certificate, signature: null }, keys) ?? '', /not signed/);
});

test('a former key goes on being good as long as it is listed, as PEM or as the base64 within', () => {
  const old = issueCertificate(content(), keys);
  assert.match(findFault(old, newKeys().keys) ?? '', /not among certificates.publicKeys/);
  const base64 = publicPem.split('\n')[1] ?? '';
  for (const listed of [publicPem, base64]) {
    const rotated = newKeys([listed]).keys;
    assert.equal(findFault(old, rotated), null);
    assert.equal(findFault(issueCertificate(content(), rotated), rotated), null);
    const gatewayOnly = openCertificateKeys({ publicKeys: [listed] });
    assert.equal(findFault(old, gatewayOnly), null);
    assert.throws(() => gatewayOnly.sign('x'), { code: 'invalid_config', message: /private key/ });
  }
});

test('no key, a key of another kind and no key at all are told apart, and never quoted', () => {
  assert.throws(() => openCertificateKeys({ publicKeys: [] }), { code: 'invalid_config', message: /No key/ });
  for (const broken of ['secret-words', '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----']) {
    assert.throws(
      () => openCertificateKeys({ signingKey: broken, publicKeys: [] }),
      ({ message }: Error) => /not an Ed25519 key/.test(message) && !message.includes('secret'),
    );
    assert.throws(() => openCertificateKeys({ publicKeys: [broken] }), { code: 'invalid_config' });
  }
});

test('a version serves by a passed, signed certificate about its own file only', async () => {
  const { db } = stack;
  const refused = async (version: string, reason: RegExp) =>
    assert.rejects(requireCertificate(db, keys, subject(version)), { code: 'not_certified', message: reason });
  await refused('v2', /Run its gates first/);
  await storeCertificate(db, issueCertificate(content({ version: 'v2', passed: false }), keys));
  await refused('v2', /gates were not passed/);
  await storeCertificate(db, issueCertificate(content({ version: 'v2', artifact: 'other' }), keys));
  await refused('v2', /another model file/);
  await storeCertificate(db, {
    ...issueCertificate(content({ version: 'v2', champion: 'v7' }), keys),
    signature: null,
  });
  await storeCertificate(db, issueCertificate(content({ version: 'v2', champion: 'v8' }), newKeys().keys));
  await assert.rejects(requireCertificate(db, keys, subject('v2')), { code: 'not_certified' });
  // A good one among the others is enough.
  const good = issueCertificate(content({ version: 'v2' }), keys);
  await storeCertificate(db, good);
  assert.equal((await requireCertificate(db, keys, subject('v2'))).id, good.id);
});

test('a certificate names the model, adapter and endpoint of an upstream, and no other is served by it', async () => {
  const { db } = stack;
  const metadata = { trainer: 'command', upstreamModel: 'chat-1', loraPath: '/adapters/1', endpointSha256: 'aa' };
  const version = await registerVersion(db, {
    ...{ model: 'chat', kind: 'upstream', artifact: null, dataset: null, parent: null, run: 1 },
    ...{ lowConfidenceBelow: null, metadata },
  });
  const own = { model: 'chat', version, kind: 'upstream' as const, artifact: null, metadata };
  const stated = { model: 'chat', version, artifact: null, upstreamSha256: digestUpstream(own) };
  await storeCertificate(db, issueCertificate(content(stated), keys));
  await requireCertificate(db, keys, own);
  await requireCertificate(db, keys, { ...own, metadata: { ...metadata, job: 'ft-1' } });
  for (const other of [{ upstreamModel: 'chat-2' }, { loraPath: '/adapters/2' }, { endpointSha256: 'bb' }]) {
    await assert.rejects(requireCertificate(db, keys, { ...own, metadata: { ...metadata, ...other } }), {
      code: 'not_certified',
      message: /another model, adapter or endpoint of an upstream/,
    });
  }
});

test('a certificate of an earlier release names no upstream, and is good for one; that of a file never is', async () => {
  const { db } = stack;
  const registered = { model: 'chat', dataset: null, parent: null, lowConfidenceBelow: null };
  const metadata = { upstreamModel: 'chat-1' };
  const upstream = { kind: 'upstream' as const, artifact: null, metadata };
  const version = await registerVersion(db, { ...registered, ...upstream, run: 2 });
  await storeCertificate(db, issueCertificate(content({ model: 'chat', version, artifact: null }), keys));
  await requireCertificate(db, keys, { ...upstream, model: 'chat', version });

  const file = await registerVersion(db, { ...registered, kind: 'onnx', artifact: 'ab', metadata: {}, run: 3 });
  await storeCertificate(db, issueCertificate(content({ model: 'chat', version: file }), keys));
  const turned = { ...upstream, artifact: 'ab', model: 'chat', version: file };
  await assert.rejects(requireCertificate(db, keys, turned), { code: 'not_certified' });
});

test('a certificate of a later release, with fields of its own, is good as it was signed', () => {
  const later = { ...content(), weather: 'sunny' };
  const signed = { ...later, id: digestJson(later), signature: keys.sign(canonicalJson(later)) };
  const read = parseCertificate(JSON.stringify(signed), 'file');
  assert.equal(findFault(read, keys), null);
  assert.match(findFault({ ...read, weather: 'rainy' }, keys) ?? '', /content is not/);
});

test('what was changed in the database shows', async () => {
  const { db } = stack;
  await storeCertificate(db, issueCertificate(content({ version: 'v3', passed: false }), keys));
  await db.query(
    `update relearn.certificates set passed = true, content = content || '{"passed": true}' where version = 'v3'`,
  );
  await assert.rejects(requireCertificate(db, keys, subject('v3')), { message: /content is not what its id names/ });
  await db.query(`update relearn.certificates set content = '{}' where version = 'v3'`);
  await assert.rejects(requireCertificate(db, keys, subject('v3')), { message: /content is not what its id names/ });
});

test('a passed certificate is found before a later one that did not pass', async () => {
  const passed = issueCertificate(content({ version: 'v4' }), keys);
  const failed = content({ version: 'v4', passed: false, issuedAt: '2026-05-05T12:00:00.000Z' });
  await storeCertificate(stack.db, issueCertificate(failed, keys));
  assert.equal((await findCertificate(stack.db, 'mail', 'v4'))?.passed, false);
  await storeCertificate(stack.db, passed);
  assert.deepEqual(await findCertificate(stack.db, 'mail', 'v4'), passed);
});

test('how often a pack has decided is counted up to a moment', async () => {
  const { db } = stack;
  for (const day of ['01', '02', '03']) {
    const issuedAt = `2026-06-${day}T00:00:00.000Z`;
    await storeCertificate(db, issueCertificate(content({ version: 'v5', packSha256: 'worn', issuedAt }), keys));
  }
  const uses = (before: string, packSha256 = 'worn') =>
    countPackUses(db, { model: 'mail', packSha256, before: new Date(before) });
  assert.equal(await uses('2026-06-03T00:00:00Z'), 2);
  assert.equal(await uses('2026-07-01T00:00:00Z'), 3);
  assert.equal(await uses('2026-07-01T00:00:00Z', 'fresh'), 0);
});

test('an exported certificate is read back and told in plain words', () => {
  const certificate = issueCertificate(content({ approvedBy: 'ann' }), keys);
  assert.deepEqual(parseCertificate(JSON.stringify(certificate), 'file'), certificate);
  assert.throws(() => parseCertificate('{}', 'file'), { code: 'invalid_rows', message: /not a gate certificate/ });
  const told = describeCertificate(certificate, null);
  for (const part of [
    /mail v1\. Good: signed/,
    /approved by {2}ann/,
    /slice all: 289 of 300/,
    /required gate passed/,
  ]) {
    assert.match(told, part);
  }
  assert.match(describeCertificate(certificate, 'its signature does not fit'), /NOT GOOD: its signature/);
});

test('canonical JSON is that of RFC 8785: keys by code unit, also those that look like numbers', () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }, 3], a: null }), '{"a":null,"b":[{"c":2,"d":1},3]}');
  assert.equal(canonicalJson({ 9: 1, 10: 2 }), '{"10":2,"9":1}');
  assert.equal(canonicalJson({ '\u{1f600}': 1, '\ufb33': 2 }), '{"\u{1f600}":1,"\ufb33":2}');
  assert.equal(canonicalJson([1e21, 1e-7, -0, 4.5]), '[1e+21,1e-7,0,4.5]');
  assert.equal(
    digestGates([{ required: true, slice: 'all', metric: 'pass_rate', maxDrop: 0.025 }]),
    digestGates(gates),
  );
  assert.notEqual(digestGates([]), digestGates(gates));
});

test('an eval run is stored once for a version, pack and retrain run', async () => {
  const key = { model: 'mail', version: 'v1', packSha256: 'cd', run: 7 };
  const mixed = [
    { case: 'a', slice: 'all', passed: false, rate: 0.5, score: 0.25, latencyMs: 12 },
    { case: 'b', slice: 'all', passed: null },
  ];
  const stored = { ...key, fileSha256: 'fe' };
  const id = await storeEvalRun(stack.db, { ...stored, results: mixed });
  assert.equal(await storeEvalRun(stack.db, { ...stored, results: [] }), id);
  assert.deepEqual(await getEvalRun(stack.db, id), { id, ...stored, results: mixed });
  assert.equal(await getEvalRun(stack.db, evalRunId({ ...key, run: null })), null);
});
