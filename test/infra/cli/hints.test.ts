import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hashKey, model, startLoop, type Loop } from '../../loop.ts';
import { temporalAddress } from '../../stack.ts';

const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
let loop: Loop;
before(async () => {
  loop = await startLoop(); // without a worker
  await writeFile(loop.runtime.configPath, JSON.stringify(loop.config)); // JSON is YAML
});
after(() => loop.close());

const environment = () => ({
  ...process.env,
  ...{ NODE_OPTIONS: '', DATABASE_URL: loop.database.url, RELEARN_HASH_KEY: hashKey },
  ...{ TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_NAMESPACE: loop.namespace },
});

for (const command of [
  ['retrain', '--model', model, '--wait'],
  ['rollback', '--model', model, '--reason', 'a test'],
  ['erase', '--user', 'eve'],
]) {
  test(`${command[0]} that no worker takes says so, and waits on`, async () => {
    const args = [cli, ...command, '--config', loop.runtime.configPath];
    const child = spawn(process.execPath, args, { env: environment(), stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    let said = '';
    for await (const chunk of child.stderr) {
      said += String(chunk);
      if (said.endsWith('\n')) break;
    }
    assert.match(said, /^No worker seems to take it: is `relearn worker` \(or `relearn up`\) running\?/);
    assert.equal(child.exitCode, null);
    child.kill();
    await ended;
  });
}

test('where there is one model, a version is shown without its name', async () => {
  const args = [cli, 'models', 'show', 'v1', '--config', loop.runtime.configPath];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment() });
  assert.match(stdout, /^topics v1 \(onnx\), the champion/);

  const { topics } = loop.config.models;
  await writeFile(loop.runtime.configPath, JSON.stringify({ ...loop.config, models: { topics, more: topics } }));
  await assert.rejects(promisify(execFile)(process.execPath, args, { env: environment() }), {
    code: 2,
    stderr: /Wanted --model, as there are several: topics, more\./,
  });
});
