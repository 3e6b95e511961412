import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readConfigFile } from '../../../infra/config-file.ts';
import { clearDemoState, writeDemoConfig } from '../../../infra/demo/state.ts';
import type { DemoStory } from '../../../infra/demo/story.ts';
import { tryLock } from '../../../infra/lock.ts';
import { stackLock } from '../../../infra/stack-file.ts';

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-state-'));
  try {
    await work(join(folder, 'demo'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const story = (healthy: number): DemoStory => ({
  ...{ model: 'mail', base: '/base.jsonl', gold: '/gold.jsonl', pack: '/eval.jsonl', minCorrected: 200 },
  healthy: Array.from({ length: healthy }, () => ({ prompt: 'hello', truth: 'ham' })),
  ...{ drifted: [], groups: [] },
});

test('a new demo removes what an earlier one left', async () => {
  await withFolder(async (folder) => {
    await clearDemoState(folder);
    await writeFile(join(folder, 'left-over'), '');
    await clearDemoState(folder);
    assert.deepEqual(await readdir(folder), ['relearn.yaml']);
  });
});

test('a folder that no demo wrote is left alone', async () => {
  await withFolder(async (folder) => {
    await mkdir(folder);
    await writeFile(join(folder, 'relearn.yaml'), 'models: {}\n');
    await assert.rejects(clearDemoState(folder), { code: 'invalid_arguments' });
    assert.deepEqual(await readdir(folder), ['relearn.yaml']);
  });
});

test('a demo that runs is not removed', async () => {
  await withFolder(async (folder) => {
    await clearDemoState(folder);
    const lock = await tryLock(stackLock(folder));
    assert.ok(lock.held);
    await assert.rejects(clearDemoState(folder), { code: 'stack_failed', message: /already/ });
    await lock.release();
    await clearDemoState(folder);
  });
});

test('the configuration is a valid one, and its monitor fits the healthy traffic there is', async () => {
  await withFolder(async (folder) => {
    await clearDemoState(folder);
    const many = await readConfigFile(await writeDemoConfig(folder, story(1500)));
    assert.equal(many.stateDir, folder);
    assert.equal(many.models['mail']?.drift.referenceRequests, 500);
    assert.equal(many.models['mail'].retrain.minCorrected, 200);
    const few = await readConfigFile(await writeDemoConfig(folder, story(101)));
    assert.equal(few.models['mail']?.drift.referenceRequests, 51);
  });
});
