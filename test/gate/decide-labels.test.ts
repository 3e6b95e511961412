import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedGates } from '../../src/gate/asked-gates.ts';
import { gateSchema } from '../../src/gate/config.ts';
import { decideLabels } from '../../src/gate/decide-labels.ts';
import { decideVerdict, type CaseResult } from '../../src/gate/verdict.ts';
import { createRandom } from '../../src/retrain/embedded/random.ts';

const gate = gateSchema.parse({ slice: 'label/*' });
const whole = gateSchema.parse({ slice: 'all' });

/** A pack of `labels` completions with `each` cases; `passes` says of each case whether it does. */
function answers(labels: number, each: number, passes: (label: number, n: number) => boolean): CaseResult[] {
  return Array.from({ length: labels * each }, (_, n) => {
    const label = n % labels;
    const place = Math.floor(n / labels);
    return { case: String(n), slice: 'all', label: `label ${label}`, passed: passes(label, place) };
  });
}

const champion = answers(100, 6, () => true);
const without = (lost: number, of = 7) => answers(100, 6, (label, n) => label !== of || n >= lost);

test('one completion of a hundred that is lost is refused, though the whole pack does not show it', () => {
  const { verdict, gates, reasons } = decideVerdict({ gates: [whole, gate], champion, candidate: without(6) });
  assert.equal(verdict, 'fail');
  assert.deepEqual(
    gates.map(({ slice, outcome }) => [slice, outcome]),
    [
      ['all', 'passed'],
      ['label/*', 'failed'],
    ],
  );
  assert.match(reasons.join(), /^Completion label 7: 6 cases lost, 0 gained of 6, margin 0\.1/);
});

test('losses that chance explains are no reason, nor are those it gained back', () => {
  assert.equal(decideLabels(gate, without(3), champion)?.outcome, 'passed');
  const before = answers(100, 6, (label, n) => label !== 7 || n >= 3);
  const after = answers(100, 6, (label, n) => label !== 7 || n < 3);
  assert.equal(decideLabels(gate, after, before)?.outcome, 'passed');
});

test('completions with too few cases are not told apart, and cost the others nothing', () => {
  assert.equal(
    decideLabels(
      gate,
      answers(100, 1, () => false),
      answers(100, 1, () => true),
    ),
    null,
  );
  const rare = answers(400, 1, () => true).map((one) => ({
    ...one,
    case: `rare ${one.case}`,
    label: `rare ${one.label}`,
  }));
  assert.equal(decideLabels(gate, [...without(5), ...rare], [...champion, ...rare])?.outcome, 'failed');
});

test('that no completion is lost lets nobody pass, and a first version is not asked', () => {
  const first = decideVerdict({ gates: [gate], champion: null, candidate: champion });
  assert.equal(first.verdict, 'fail');
  assert.equal(decideVerdict({ gates: [gate], champion, candidate: champion }).verdict, 'fail');
});

test('a candidate that differs by chance only is refused in less than one run of a hundred', () => {
  const random = createRandom(7);
  let refused = 0;
  for (let round = 0; round < 500; round += 1) {
    const before = answers(100, 6, () => random() > 0.07);
    const after = before.map((one) => ({ ...one, passed: random() < 0.08 ? one.passed !== true : one.passed }));
    if (decideLabels(gate, after, before)?.outcome === 'failed') refused += 1;
  }
  assert.ok(refused < 5, `${refused} of 500`);
});

test('the gate is asked of every classifier, unless the configuration sets it otherwise', () => {
  assert.ok(askedGates([whole], [], champion).some(({ slice, required }) => slice === 'label/*' && required));
  const advisory = gateSchema.parse({ slice: 'label/*', required: false, maxDrop: 0.3 });
  assert.deepEqual(askedGates([whole, advisory], [], champion), [whole, advisory]);
  const prose = champion.map(({ case: id, slice, passed }) => ({ case: id, slice, passed }));
  assert.deepEqual(askedGates([whole], [], prose), [whole]);
  assert.throws(() => gateSchema.parse({ slice: 'label/*', min: 0.5 }), /no bound but maxDrop/);
});
