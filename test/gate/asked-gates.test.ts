import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gate } from '../../src/gate/config.ts';
import { askedGates } from '../../src/gate/asked-gates.ts';
import { decideVerdict } from '../../src/gate/verdict.ts';

const gate = (more: Partial<Gate> = {}): Gate => ({ metric: 'pass_rate', slice: 'all', required: true, ...more });
const results = ['all', 'hard'].map((slice) => ({ case: slice, slice, passed: true }));

test('a required gate the champion cleared is asked again, also when the configuration has dropped it', () => {
  const hard = gate({ slice: 'hard', min: 0.9 });
  assert.deepEqual(askedGates([gate()], [gate({ min: 0.5 }), hard], results), [gate(), hard]);
});

test('it is dropped by naming it otherwise, and was none when it was advisory, a budget or of no pack', () => {
  const named = [gate(), gate({ slice: 'hard', required: false })];
  assert.deepEqual(askedGates(named, [gate({ slice: 'hard', min: 0.9 })], results), named);
  const gone = [
    gate({ slice: 'hard', required: false }),
    gate({ metric: 'latency_p95_ms', max: 5 }),
    gate({ slice: 'learned/erased' }),
    gate({ slice: 'label/*' }),
  ];
  assert.deepEqual(askedGates([gate()], gone, results), [gate()]);
});

test('deleting the cases of a slice does not drop its gate: without a case it is inconclusive', () => {
  const gone = gate({ slice: 'gone', min: 0.9 });
  const whole = gate({ min: 0.5 });
  const gates = askedGates([whole], [gone], results);
  assert.deepEqual(gates, [whole, gone]);
  const { verdict, reasons } = decideVerdict({ gates, champion: results, candidate: results });
  assert.equal(verdict, 'inconclusive');
  assert.match(reasons.join(), /^Slice gone: 0 cases, 10 more are needed/);
  const named = [whole, gate({ slice: 'gone', required: false, min: 0.9 })];
  assert.equal(
    decideVerdict({ gates: askedGates(named, [gone], results), champion: results, candidate: results }).verdict,
    'pass',
  );
});

test('held-out corrections are asked again, slice by slice, and their improvement is told', () => {
  const learned = [...results, { case: 'x', slice: 'learned/one', passed: true }];
  assert.deepEqual(askedGates([gate()], [], learned), [
    gate(),
    gate({ slice: 'learned/one' }),
    gate({ metric: 'improvement', slice: 'learned', required: false }),
  ]);
  const own = gate({ metric: 'improvement', slice: 'learned', min: 0.1 });
  assert.deepEqual(askedGates([gate(), own], [], learned), [gate(), own, gate({ slice: 'learned/one' })]);
});
