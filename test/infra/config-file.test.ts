import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfigFile } from '../../infra/config-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-config-'));
after(() => rm(folder, { recursive: true }));

async function configWith(text: string): Promise<string> {
  const path = join(folder, 'relearn.yaml');
  await writeFile(path, text);
  return path;
}

test('paths in the file count from its folder, not from the working directory', async () => {
  const config = await readConfigFile(
    await configWith('models: { mail: { serve: { kind: onnx }, drift: { gold: data/gold.jsonl } } }'),
  );
  assert.equal(config.stateDir, join(folder, '.relearn'));
  assert.equal(config.models['mail']?.drift.gold, join(folder, 'data/gold.jsonl'));
});

test('every problem is listed with its place, and a misspelt key with the one that was meant', async () => {
  const path = await configWith(`
    gatway: { port: 1 }
    models:
      mail:
        serve: { kind: onxx }
        sampling: { healthyRate: 2 }
        drift: { everySecond: 10 }
        retrain: { trainer: { kind: embedded, base: a.jsonl, epoch: 3 } }`);
  await assert.rejects(readConfigFile(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'invalid_config');
    assert.match(error.message, /gatway: unknown\. Did you mean gateway\?/);
    assert.match(error.message, /models\.mail\.serve\.kind: wanted "onnx" or "upstream"/);
    assert.match(error.message, /models\.mail\.sampling\.healthyRate: .*1/);
    assert.match(error.message, /models\.mail\.drift\.everySecond: unknown\. Did you mean everySeconds\?/);
    assert.match(error.message, /models\.mail\.retrain\.trainer\.epoch: unknown\. Did you mean epochs\?/);
    return true;
  });
});

test('a value of the wrong type says what was wanted', async () => {
  const path = await configWith('models: { mail: { serve: { kind: onnx }, drift: { everySeconds: often } } }');
  await assert.rejects(readConfigFile(path), { message: /models\.mail\.drift\.everySeconds: wanted number/ });
});

test('a name that no model can have says what one is made of', async () => {
  const path = await configWith('models: { org/llm: { serve: { kind: onnx } } }');
  await assert.rejects(readConfigFile(path), { message: /models\.org\/llm: wanted lower-case letters, digits/ });
});

test('a key that resembles none is answered with the known ones', async () => {
  const path = await configWith('{ xylophone: 1, models: { mail: { serve: { kind: onnx } } } }');
  await assert.rejects(readConfigFile(path), { message: /xylophone: unknown\. Known here: .*stateDir.*models/ });
});

test('a file that is no YAML, an empty one and a missing one each say what to do', async () => {
  await assert.rejects(readConfigFile(await configWith('models: [')), { message: /is not YAML/ });
  await assert.rejects(readConfigFile(await configWith('')), { code: 'invalid_config', message: /models: wanted/ });
  await assert.rejects(readConfigFile(join(folder, 'other.yaml')), { message: /There is no .*relearn init/ });
});
