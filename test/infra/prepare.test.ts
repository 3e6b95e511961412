import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '@temporalio/client';
import { patiently } from '../../infra/prepare.ts';

/** What Temporal's client throws for an answer of this gRPC code. */
function refused(code: number, details: string): ServiceError {
  return new ServiceError('Failed to describe schedule', {
    cause: Object.assign(new Error(details), { code, details, metadata: {} }),
  });
}

test('a server that is not ready yet is asked again, and it is said why', async () => {
  const said: string[] = [];
  let asked = 0;
  const done = await patiently(
    () => {
      asked += 1;
      return asked === 1 ? Promise.reject(refused(4, 'Deadline exceeded')) : Promise.resolve('done');
    },
    (message) => said.push(message),
  );
  assert.deepEqual([done, asked], ['done', 2]);
  assert.deepEqual(said, ['Temporal does not tell its schedules (Deadline exceeded); trying again']);
});

test('what another attempt cannot change fails at once', async () => {
  for (const error of [refused(7, 'Permission denied'), new Error('a fault of ours')]) {
    let asked = 0;
    const work = () => {
      asked += 1;
      return Promise.reject(error);
    };
    await assert.rejects(
      patiently(work, () => undefined),
      error,
    );
    assert.equal(asked, 1);
  }
});
