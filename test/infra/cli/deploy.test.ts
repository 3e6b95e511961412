import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { hashKey, startLoop, type Loop } from '../../loop.ts';
import { temporalAddress } from '../../stack.ts';

const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../../../../test/retrain/pipeline/fixtures', import.meta.url));
const model = 'questions';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => Object.assign(settings.models, { [model]: { serve: { kind: 'onnx' } } }));
  await writeFile(loop.runtime.configPath, JSON.stringify(loop.config)); // JSON is YAML
});
after(() => loop.close());

/** Runs `relearn deploy` as a person does. */
async function relearnDeploy(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    ...{ NODE_OPTIONS: '', DATABASE_URL: loop.database.url, RELEARN_HASH_KEY: hashKey },
    ...{ TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_NAMESPACE: loop.namespace },
  };
  const args = [cli, 'deploy', '--config', loop.runtime.configPath, '--model', model, ...options];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('a file that is no text classifier is refused and nothing is deployed', async () => {
  const broken = join(loop.directory, 'broken.onnx');
  await writeFile(broken, 'no model');
  const refused = await relearnDeploy('--file', broken);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /broken\.onnx/);
  const versions = await loop.database.db.query(`select version from relearn.versions where model = $1`, [model]);
  assert.deepEqual(versions, []);
});

test('a pipeline of scikit-learn is deployed from its file, says what was rewritten, and answers', async () => {
  const deployed = await relearnDeploy('--file', join(fixtures, 'logistic.onnx'), '--json');
  assert.equal(deployed.code, 0, deployed.stderr);
  const { version, notes } = z
    .object({ version: z.string(), notes: z.array(z.string()) })
    .parse(JSON.parse(deployed.stdout));
  assert.equal(version, 'v1');
  assert.match(notes.join('\n'), /locale C\.UTF-8\nZipMap dropped/);
  await loop.champions.refresh();
  const messages = [{ role: 'user', content: 'pay my bill' }];
  const { text, logprob } = await loop.answerer.answer({ model, messages, source: 'production' });
  assert.equal(text, 'banking');
  assert.ok(logprob !== null && logprob < 0);
});

test('a second file needs a passed gate certificate', async () => {
  const refused = await relearnDeploy('--file', join(fixtures, 'bayes.onnx'));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /certificate/);
});
