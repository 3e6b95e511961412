import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCounts, countFound, createLogTally } from '../../src/log/log-tally.ts';
import { newRow } from './new-row.ts';
import { redactorOf } from './redact/fake-redactor.ts';

test('types and reasons are counted, and what goes through is unchanged', () => {
  const tally = createLogTally();
  const given = redactorOf((text) => ({ text: `[${text}]`, found: { EMAIL: 2, PHONE: 1 } }));
  const redactor = countFound(given, tally.countFound);
  assert.equal(redactor.redact('a').text, '[a]');
  redactor.startRow()('b');
  const rows = [newRow({ keptBecause: 'healthy' }), newRow({ keptBecause: null }), newRow({ keptBecause: null })];
  for (const row of rows) tally.countRow(row);
  assert.deepEqual(tally.read(), { redactions: { EMAIL: 4, PHONE: 2 }, sampled: { healthy: 1, not_sampled: 2 } });
});

test('a redactor with types without end does not become metrics without end', () => {
  let type = '';
  const tally = createLogTally();
  const redact = () => tally.countFound({ [type]: 1 });
  for (type of ['canary@example.com', 'lower', '__proto__x', 'X'.repeat(80)]) redact();
  assert.deepEqual(tally.read().redactions, { other: 4 });
  for (let n = 0; n < 1000; n += 1) {
    type = `T_${n.toString().replace(/\d/g, (digit) => 'ABCDEFGHIJ'.charAt(Number(digit)))}`;
    redact();
  }
  assert.ok(Object.keys(tally.read().redactions).length <= 65);
});

test('counts of two threads add up by name', () => {
  assert.deepEqual(addCounts({ refused: 1, other: 2 }, { refused: 3 }), { refused: 4, other: 2 });
});
