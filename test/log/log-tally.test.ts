import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tallyLog } from '../../src/log/log-tally.ts';
import { newRow } from './new-row.ts';
import { redactorOf } from './redact/fake-redactor.ts';

test('types and reasons are counted, and what goes through is unchanged', () => {
  const pushed: unknown[] = [];
  const { redactor, writer, tally } = tallyLog({
    redactor: redactorOf((text) => ({ text: `[${text}]`, found: { EMAIL: 2, PHONE: 1 } })),
    writer: { push: (row) => void pushed.push(row) },
  });
  assert.equal(redactor.redact('a').text, '[a]');
  redactor.startRow()('b');
  const rows = [newRow({ keptBecause: 'healthy' }), newRow({ keptBecause: null }), newRow({ keptBecause: null })];
  for (const row of rows) writer.push(row);
  assert.deepEqual(pushed, rows);
  assert.deepEqual(tally(), { redactions: { EMAIL: 4, PHONE: 2 }, sampled: { healthy: 1, not_sampled: 2 } });
});

test('a redactor with types without end does not become metrics without end', () => {
  let type = '';
  const { redactor, tally } = tallyLog({
    redactor: redactorOf((text) => ({ text, found: { [type]: 1 } })),
    writer: { push: () => undefined },
  });
  const { redact } = redactor;
  for (type of ['canary@example.com', 'lower', '__proto__x', 'X'.repeat(80)]) redact('');
  assert.deepEqual(tally().redactions, { other: 4 });
  for (let n = 0; n < 1000; n += 1) {
    type = `T_${n.toString().replace(/\d/g, (digit) => 'ABCDEFGHIJ'.charAt(Number(digit)))}`;
    redact('');
  }
  assert.ok(Object.keys(tally().redactions).length <= 65);
});
