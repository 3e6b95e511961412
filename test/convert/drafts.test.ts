import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDraft, removeDrafts } from '../../src/convert/drafts.ts';

async function makeDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'relearn-drafts-'));
}

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);

/** A draft that was begun, and last written to, so many hours ago. */
async function leave(directory: string, name: string, { begun, written }: { begun: number; written: number }) {
  const folder = join(directory, name);
  await mkdir(folder);
  await writeFile(join(folder, 'train.jsonl'), '{}\n');
  await utimes(join(folder, 'train.jsonl'), hoursAgo(written), hoursAgo(written));
  await utimes(folder, hoursAgo(begun), hoursAgo(begun));
}

test('drafts of killed builds go, a running build’s and datasets stay', async () => {
  const directory = await makeDirectory();
  await leave(directory, 'draft-killed', { begun: 30, written: 3 });
  await leave(directory, 'draft-running', { begun: 30, written: 0.5 });
  await leave(directory, 'draft-begun', { begun: 0, written: 30 });
  await leave(directory, 'f'.repeat(64), { begun: 30, written: 30 });
  assert.equal(await removeDrafts(directory), 1);
  assert.deepEqual((await readdir(directory)).sort(), ['draft-begun', 'draft-running', 'f'.repeat(64)]);
  assert.equal(await removeDrafts(join(directory, 'none')), 0);
  await rm(directory, { recursive: true });
});

test('a build that fails leaves no draft', async () => {
  const directory = await makeDirectory();
  const failing = makeDraft(directory, async (folder) => {
    await writeFile(join(folder, 'train.jsonl'), '{}\n');
    throw new Error('the disk is full');
  });
  await assert.rejects(failing, /the disk is full/);
  assert.deepEqual(await readdir(directory), []);
  await rm(directory, { recursive: true });
});
