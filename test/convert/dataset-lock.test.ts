import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDatasetsLocked } from '../../src/convert/dataset-lock.ts';
import { createTestDatabase } from '../stack.ts';

test('whoever registers or revises a dataset does so alone, and one that fails lets the next one in', async () => {
  const database = await createTestDatabase();
  const steps: string[] = [];
  const work = (fails: boolean) =>
    withDatasetsLocked(database.db, async () => {
      steps.push('in');
      await database.db.query('select pg_sleep(0.05)');
      steps.push('out');
      if (fails) throw new Error('the disk is full');
    });
  const done = await Promise.allSettled([true, false, true, false].map(work));
  assert.deepEqual(
    done.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(steps, ['in', 'out', 'in', 'out', 'in', 'out', 'in', 'out']);
  await database.close();
});
