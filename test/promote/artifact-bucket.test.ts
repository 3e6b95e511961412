import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import getPort from 'get-port';
import { openArtifacts } from '../../infra/artifacts.ts';
import { artifactsConfig } from '../../src/promote/artifact-config.ts';
import { kill, until } from '../loop.ts';
import { s3Server } from './s3-server.ts';

const skip = existsSync(s3Server) ? false : 'needs versitygw: npm run test:s3';
const secrets: Record<string, string> = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'not a secret' };
const secret = (name: string) => secrets[name];

let directory: string;
let server: ChildProcess;
let endpoint: string;
before(async () => {
  if (skip !== false) return;
  directory = await mkdtemp(join(tmpdir(), 'relearn-s3-'));
  await mkdir(join(directory, 'objects', 'versions'), { recursive: true }); // a bucket is a folder
  const port = await getPort({ host: '127.0.0.1' });
  endpoint = `http://127.0.0.1:${port}`;
  const args = ['--port', `127.0.0.1:${port}`, '--access', 'tester', '--secret', 'not a secret', 'posix'];
  server = spawn(s3Server, [...args, join(directory, 'objects')], { stdio: 'ignore' });
  await until('it answers', async () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    ),
  );
});
after(async () => {
  if (skip !== false) return;
  await kill(server);
  await rm(directory, { recursive: true, force: true });
});

/** A gateway or worker with a folder of its own. */
function openOn(machine: string, more: object = {}) {
  const artifacts = artifactsConfig.parse({ kind: 's3', endpoint, bucket: 'versions', prefix: 'models/', ...more });
  return openArtifacts({ stateDir: join(directory, machine), artifacts }, secret);
}

async function fileOf(content: string) {
  const path = join(directory, 'model.onnx');
  await writeFile(path, content);
  return { path, digest: createHash('sha256').update(content).digest('hex') };
}

test('what one machine stores in a bucket another one loads, and stored twice it is one object', { skip }, async () => {
  const { path, digest } = await fileOf('weights');
  const store = openOn('worker');
  assert.equal(await store.put(path), digest);
  assert.equal(await store.put(path), digest);
  assert.deepEqual(await readdir(join(directory, 'objects', 'versions', 'models')), [digest]);
  assert.equal(await readFile(await openOn('gateway').get(digest), 'utf8'), 'weights');
});

test('a damaged copy is fetched again, and a damaged object is refused', { skip }, async () => {
  const { path, digest } = await fileOf('other weights');
  const store = openOn('worker');
  await store.put(path);
  await writeFile(await store.get(digest), 'rubbish');
  assert.equal(await readFile(await store.get(digest), 'utf8'), 'other weights');
  await writeFile(join(directory, 'objects', 'versions', 'models', digest), 'other rubbish');
  await assert.rejects(openOn('another gateway').get(digest), { code: 'invalid_artifact', message: /is damaged/ });
  assert.deepEqual(await readdir(join(directory, 'another gateway', 'artifacts')), []);
});

test('an object that is not there, a bucket that is not there and a wrong key are told apart', { skip }, async () => {
  const { path } = await fileOf('weights');
  const unknown = 'a'.repeat(64);
  await assert.rejects(openOn('worker').get(unknown), { code: 'invalid_artifact', message: /is not in bucket/ });
  await assert.rejects(openOn('worker', { bucket: 'nowhere' }).put(path), { code: 'artifacts_unavailable' });
  secrets['WRONG'] = 'wrong';
  await assert.rejects(openOn('worker', { secretKeyEnv: 'WRONG' }).put(path), {
    code: 'artifacts_unavailable',
    message: /HTTP 403/,
  });
  assert.throws(() => openOn('worker', { accessKeyEnv: 'NOT_SET' }), { code: 'invalid_config', message: /NOT_SET/ });
});

test('a store that does not answer says so, and what was loaded once still loads', { skip }, async () => {
  const { path, digest } = await fileOf('weights');
  await openOn('worker').put(path);
  const store = openOn('worker', { endpoint: 'http://127.0.0.1:9' });
  assert.equal(await readFile(await store.get(digest), 'utf8'), 'weights');
  await assert.rejects(store.put(path), { code: 'artifacts_unavailable' });
});
