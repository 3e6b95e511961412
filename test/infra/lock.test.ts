import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockOwner, tryLock, withLock } from '../../infra/lock.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-lock-'));
after(() => rm(folder, { recursive: true }));

test('a held lock names its owner until it is released', async () => {
  const file = join(folder, 'held');
  const lock = await tryLock(file);
  assert.ok(lock.held);
  assert.deepEqual(await tryLock(file), { held: false, owner: process.pid });
  await lock.release();
  assert.equal(await lockOwner(file), undefined);
});

test('the lock of a process that is gone counts for nothing, even when its id is in use again', async () => {
  for (const stale of ['999999999 1', `${process.pid} 1`, '']) {
    const file = join(folder, 'stale');
    await writeFile(file, stale);
    const lock = await tryLock(file);
    assert.ok(lock.held, `lock with content "${stale}"`);
    await lock.release();
  }
});

test('work under one lock never overlaps', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 4 }, () => withLock(join(folder, 'shared'), () => {}, work)));
  assert.equal(most, 1);
});
