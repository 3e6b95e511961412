import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CorrectionMessage } from '../../src/temporal.ts';
import { CorrectionInbox } from '../../workflows/correction-inbox.ts';

const none = { accepted: 0, repeated: 0, ignored: 0 };

function rows(count: number, completion = 'right'): CorrectionMessage[] {
  return Array.from({ length: count }, (_, n) => ({ requestId: `r${n}`, completion, operator: 'ann' }));
}

/** Messages and corrections of each batch that is stored, in turn. */
function drain(inbox: CorrectionInbox): string[] {
  const sizes: string[] = [];
  for (let batch = inbox.nextBatch(); batch !== undefined; batch = inbox.nextBatch()) {
    sizes.push(`${batch.messages} ${batch.source}: ${batch.corrections.length}`);
    const outcomes = batch.corrections.map(({ requestId }) => ({ requestId, status: 'stored' as const }));
    inbox.settle(batch.messages, outcomes);
  }
  return sizes;
}

test('updates are stored together up to 500 corrections, signals apart from them, in the order they came', () => {
  const inbox = new CorrectionInbox(none, { gathers: true });
  const waiting = [200, 200, 100, 500, 1].map((count) => inbox.takeBatch(rows(count)));
  for (const message of rows(3)) inbox.takeSignal(message);
  inbox.takeBatch(rows(2));
  assert.deepEqual(drain(inbox), ['3 update: 500', '1 update: 500', '1 update: 1', '3 signal: 3', '1 update: 2']);
  assert.deepEqual(
    waiting.map(({ answer }) => answer?.length),
    [200, 200, 100, 500, 1],
  );
  assert.equal(inbox.accepted, 1006);
});

test('long texts go in smaller batches, as an argument has a limit, and one message is never cut', () => {
  const inbox = new CorrectionInbox(none, { gathers: true });
  const long = 'x'.repeat(100_000);
  for (const message of rows(7, long)) inbox.takeSignal(message);
  inbox.takeBatch(rows(6, long));
  inbox.takeBatch(rows(1, long));
  assert.deepEqual(drain(inbox), ['5 signal: 5', '2 signal: 2', '1 update: 6', '1 update: 1']);
});

test('runs of earlier releases store each update alone, as their histories say', () => {
  const inbox = new CorrectionInbox(none, { gathers: false });
  inbox.takeBatch(rows(2));
  inbox.takeBatch(rows(3));
  assert.deepEqual(drain(inbox), ['1 update: 2', '1 update: 3']);
});
