import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../bench/nothing-lost.ts';

test('every answer of a gateway is stored once or counted as dropped, through an outage, a full spool and a restart', async () => {
  const {
    stored = 0,
    dropped = 0,
    ...zeros
  } = await run({
    ...{ requests: 9000, outageSeconds: 2, spoolMb: 1, maxQueuedRows: 300 },
  });
  const { answered, ...problems } = zeros;
  assert.equal(answered, 9000);
  assert.ok(dropped > 0, 'the spool was full');
  assert.equal(stored + dropped, answered);
  assert.deepEqual(problems, { twice: 0, unanswered: 0, dropped_low_confidence: 0, unaccounted: 0, miscounted: 0 });
});

test('with durable, a gateway killed while Postgres is away loses no answer that it gave', async () => {
  assert.deepEqual(await run({ requests: 900, outageSeconds: 1, durable: true }), {
    ...{ answered: 900, stored: 900, dropped: 0, unanswered: 0 },
    ...{ twice: 0, dropped_low_confidence: 0, unaccounted: 0, miscounted: 0 },
  });
});
