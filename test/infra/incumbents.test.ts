import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { readCertificateKeys, readOrMakeCertificateKeys } from '../../infra/certificate-keys.ts';
import { deployIncumbentUpstreams, deployVersion } from '../../infra/deploy.ts';
import type { Runtime } from '../../infra/runtime.ts';
import { configSchema } from '../../src/config.ts';
import { issueCertificate } from '../../src/gate/certificate.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { rollBackChampion } from '../../src/promote/promotion.ts';
import { getChampion, getVersion, registerVersion, type Version } from '../../src/promote/registry.ts';
import { digestUpstream } from '../../src/promote/upstream-version.ts';
import { registerTrained } from '../../src/retrain/register-trained.ts';
import { openArtifactDirectory } from '../../src/promote/artifacts.ts';
import { incumbentOf } from '../gate/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

const model = 'chat';
const here = 'https://here.example/v1';
const there = 'https://there.example/v1';

let database: TestDatabase;
let directory: string;
before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'relearn-incumbents-'));
  await readOrMakeCertificateKeys(configure(), () => undefined);
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  await database.db.query(`truncate relearn.models, relearn.deployments, relearn.audit cascade`);
});

function configure(serve: object = { kind: 'upstream', url: here, upstreamModel: 'big' }) {
  return configSchema.parse({ stateDir: directory, models: { [model]: { serve } } });
}

/** What `relearn up` and `relearn migrate` do of it, with this setting. */
const start = (url: string, upstreamModel = 'big') => deployIncumbentUpstreams(runtime(url, upstreamModel));

function runtime(url: string, upstreamModel = 'big'): Runtime {
  return {
    ...{ config: configure({ kind: 'upstream', url, upstreamModel }), configPath: '', db: database.db },
    environment: {
      ...{ databaseUrl: database.url, namespace: 'default', logLevel: 'warn', cacheDirectory: directory },
      secret: () => undefined,
    },
    hashKey: () => Promise.resolve('a key for this test alone'),
    close: () => Promise.resolve(),
  };
}

const champion = async () => (await getChampion(database.db, model)).version;
const versions = () =>
  database.db.query<{ version: string }>(`select version from relearn.versions where model = $1 order by n`, [model]);
const deployments = () =>
  database.db.query(`select version, previous, action from relearn.deployments where model = $1 order by id`, [model]);

/** A retrained version, promoted as a run does. */
async function promoteTrained(parts: Pick<Version, 'kind' | 'artifact'> = { kind: 'upstream', artifact: null }) {
  const { db } = database;
  const config = configure();
  const stores = { db, artifacts: openArtifactDirectory(join(directory, 'artifacts')) };
  const made = { model, run: 1, dataset: null, parent: await champion(), trainer: 'command' as const };
  const version =
    parts.kind === 'upstream'
      ? await registerTrained(
          stores,
          { kind: 'upstream', lowConfidenceBelow: null, seconds: 1, metadata: { upstreamModel: 'big-chat-1' } },
          { ...made, serve: configure().models[model]?.serve ?? { kind: 'onnx' } },
        )
      : await registerVersion(db, {
          ...{ ...parts, model, run: 1, dataset: null, parent: null, lowConfidenceBelow: null },
          metadata: { trainer: 'command' },
        });
  const upstreamSha256 = digestUpstream(await getVersion(db, model, version));
  const keys = await readCertificateKeys(config, () => undefined);
  await storeCertificate(
    db,
    issueCertificate(incumbentOf({ model, version, artifact: parts.artifact, upstreamSha256 }), keys),
  );
  await deployVersion(runtime(here), model, version, { actor: 'ann', reason: 'better' });
  return version;
}

async function rollBack(serve: Runtime['config']['models'][string]['serve'] | undefined, key = 'back') {
  const keys = await readCertificateKeys(configure(), () => undefined);
  return rollBackChampion(database.db, keys, { model, key, by: 'ann', reason: 'worse', serve });
}

test('an endpoint is registered once, however many processes start, and at once', async () => {
  await Promise.all(Array.from({ length: 6 }, () => start(here)));
  assert.deepEqual(await start(here), []);
  assert.deepEqual(await start(`${here}/`), [], 'the same base URL');
  assert.deepEqual(await deployments(), [{ version: 'v1', previous: null, action: 'deploy' }]);
  assert.equal((await database.db.query(`select 1 from relearn.certificates`)).length, 1);
});

test('another url or upstreamModel is a version of its own, with the one before as previous', async () => {
  await start(here);
  const [told] = await Promise.all(Array.from({ length: 6 }, () => start(here, 'bigger')));
  assert.match(told?.join() ?? '', /as v2, in place of v1/);
  await start(there, 'bigger');
  await start(here);
  assert.deepEqual(await deployments(), [
    { version: 'v1', previous: null, action: 'deploy' },
    { version: 'v2', previous: 'v1', action: 'deploy' },
    { version: 'v3', previous: 'v2', action: 'deploy' },
    { version: 'v4', previous: 'v3', action: 'deploy' },
  ]);
  assert.deepEqual(
    await database.db.query(`select action, subject from relearn.audit where subject = 'v2' and actor = 'relearn'`),
    [{ action: 'deploy', subject: 'v2' }],
  );
  assert.deepEqual(
    await database.db.query(`select version, kind, passed from relearn.certificates where version = 'v2'`),
    [{ version: 'v2', kind: 'incumbent', passed: true }],
  );
});

test('no user, password, path or query of a url is stored or told, nor does another password make a version', async () => {
  await start(here);
  const told = await start('https://canary-user:canary-password@there.example/canary-path/v1?key=canary-query');
  assert.deepEqual(await start('https://there.example/canary-path/v1?key=canary-other'), []);
  const { metadata } = await getVersion(database.db, model, 'v2');
  assert.equal(metadata['endpointOrigin'], 'https://there.example');
  const stored = await database.db.query(
    `select (select json_agg(v) from relearn.versions v) as versions, (select json_agg(d) from relearn.deployments d) as deployments,
       (select json_agg(a) from relearn.audit a) as audit, (select json_agg(c) from relearn.certificates c) as certificates`,
  );
  assert.doesNotMatch(JSON.stringify([stored, told]), /canary/);
});

test('a promoted version is not overthrown while the configuration stays, and is once it names another endpoint', async () => {
  await start(here);
  const trained = await promoteTrained();
  assert.deepEqual(await start(here), []);
  assert.equal(await champion(), trained);
  const [told] = await start(there);
  assert.match(told ?? '', /as v3, in place of v2, which was trained for the one before/);
  assert.equal(await champion(), 'v3');
});

test('a version of an earlier release is filled in, and not made anew', async () => {
  const version = await registerVersion(database.db, {
    ...{ model, kind: 'upstream', artifact: null, dataset: null, parent: null, run: null },
    ...{ lowConfidenceBelow: null, metadata: {} },
  });
  const keys = await readCertificateKeys(configure(), () => undefined);
  const old = incumbentOf({ model, version, artifact: null }); // it names no upstream
  await storeCertificate(database.db, issueCertificate(old, keys));
  await deployVersion(runtime(here), model, version, { actor: 'relearn', reason: 'in production when configured' });
  assert.deepEqual(await start(here), []);
  assert.equal((await versions()).length, 1);
  const { metadata } = await getVersion(database.db, model, version);
  assert.deepEqual([metadata['upstreamModel'], metadata['endpointOrigin']], ['big', 'https://here.example']);
  assert.match((await start(there))[0] ?? '', /as v2, in place of v1/);
});

test('what a killed start had registered is deployed by the next one', async () => {
  await start(here);
  await start(there);
  await database.db.query(`delete from relearn.deployments where version = 'v2'`);
  await database.db.query(`update relearn.aliases set version = 'v1'`);
  await start(there);
  assert.deepEqual([await champion(), (await versions()).length], ['v2', 2]);
});

test('a rollback goes back to another upstreamModel, and never to another endpoint', async () => {
  await start(here, 'small');
  await start(here, 'big');
  await rollBack(runtime(here).config.models[model]?.serve);
  assert.equal(await champion(), 'v1');
  assert.deepEqual(await start(here, 'big'), [], 'a person took it back');
  await start(there);
  await assert.rejects(rollBack(runtime(there).config.models[model]?.serve, 'back again'), {
    code: 'invalid_config',
    message: /v1 of chat was registered for another endpoint, at https:\/\/here\.example, than serve\.url names/,
  });
  await assert.rejects(deployVersion(runtime(there), model, 'v2', { actor: 'ann', reason: 'by hand' }), {
    code: 'invalid_config',
  });
  assert.equal(await champion(), 'v3');
});

test('a model that becomes an endpoint is served by it; a file that was trained since stays, and it is said', async () => {
  const { db } = database;
  const onnx = { kind: 'onnx' as const, artifact: 'ab' };
  await registerVersion(db, {
    ...{ ...onnx, model, dataset: null, parent: null, run: null, lowConfidenceBelow: null, metadata: {} },
  });
  await deployVersion(runtime(here), model, 'v1', { actor: 'ann', reason: 'first' });
  assert.match((await start(here))[0] ?? '', /as v2, in place of v1/);
  const trained = await promoteTrained(onnx);
  assert.match((await start(here))[0] ?? '', /the file of v3 is the champion; .*deploy --model chat --version v2/);
  assert.equal(await champion(), trained);
});
