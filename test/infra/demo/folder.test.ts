import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readFolderStory } from '../../../infra/demo/folder.ts';

const example = (completion: string) => `${JSON.stringify({ prompt: `about ${completion}`, completion })}\n`;
const asked = (truth: string) => `${JSON.stringify({ prompt: `about ${truth}`, truth })}\n`;

const whole: Record<string, string> = {
  'base-train.jsonl': example('alarm') + example('weather'),
  'gold.jsonl': example('alarm'),
  'eval.jsonl': example('weather'),
  'traffic-healthy.jsonl': asked('alarm'),
  'traffic-drifted.jsonl': asked('gas') + asked('mpg'),
  'eval-after.jsonl': example('alarm') + example('gas') + example('mpg'),
};

async function withFolder(changes: Record<string, string | undefined>, work: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-folder-'));
  try {
    for (const [name, text] of Object.entries({ ...whole, ...changes })) {
      if (text !== undefined) await writeFile(join(folder, name), text);
    }
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a folder gives the groups all, known and new, of eval-after', async () => {
  await withFolder({}, async (folder) => {
    const story = await readFolderStory(folder);
    assert.deepEqual(
      story.groups.map(({ name, rows }) => [name, rows.map(({ completion }) => completion)]),
      [
        ['all', ['alarm', 'gas', 'mpg']],
        ['known', ['alarm']],
        ['new', ['gas', 'mpg']],
      ],
    );
    assert.deepEqual(
      story.drifted.map(({ truth }) => truth),
      ['gas', 'mpg'],
    );
    assert.equal(story.minCorrected, 500);
  });
});

test('a group without rows is left out', async () => {
  await withFolder({ 'eval-after.jsonl': example('alarm') }, async (folder) => {
    const { groups } = await readFolderStory(folder);
    assert.deepEqual(
      groups.map(({ name }) => name),
      ['all', 'known'],
    );
  });
});

test('missing files are told all at once', async () => {
  await withFolder({ 'gold.jsonl': undefined, 'eval-after.jsonl': undefined }, async (folder) => {
    await assert.rejects(readFolderStory(folder), {
      code: 'invalid_arguments',
      message: /lacks gold\.jsonl, eval-after\.jsonl/,
    });
  });
});

test('a broken line fails with file and line, and without its text', async () => {
  const broken = { 'traffic-drifted.jsonl': `${asked('gas')}{"prompt":"my secret","truth":7}\n` };
  await withFolder(broken, async (folder) => {
    await assert.rejects(readFolderStory(folder), (error: Error) => {
      assert.match(error.message, /traffic-drifted\.jsonl:2: truth/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });
  await withFolder({ 'gold.jsonl': 'not json\n' }, async (folder) => {
    await assert.rejects(readFolderStory(folder), { code: 'invalid_rows', message: /gold\.jsonl:1: not JSON/ });
  });
});

test('traffic without a row is an error', async () => {
  await withFolder({ 'traffic-healthy.jsonl': '\n' }, async (folder) => {
    await assert.rejects(readFolderStory(folder), {
      code: 'invalid_rows',
      message: /traffic-healthy\.jsonl holds no row/,
    });
  });
});
