import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentStep, describeSteps } from '../../src/http/overview-steps.ts';

const calm = {
  champion: { version: 'v1' },
  ...{ challenger: null, incident: null, run: null, waiting: 0, requests: 10 },
  monitors: [{ monitor: 'gold_set', state: 'clean' }],
};
const collecting = { state: 'collecting', counted: 40, wanted: 100, text: '40 of 100' };
const run = { n: 3, state: 'running', phase: 'train', candidate: null };

function loop(change: Partial<Parameters<typeof describeSteps>[0]>) {
  const steps = describeSteps({ ...calm, ...change });
  const current = currentStep(steps);
  return [current, steps.find(({ step }) => step === current)?.says];
}

test('the loop is at the furthest step that something happens in or waits at', () => {
  assert.deepEqual(loop({}), ['log', 'in 24 h, answered by v1']);
  assert.deepEqual(loop({ monitors: [{ monitor: 'gold_set', state: 'drift' }] }), ['watch', 'drift: gold set']);
  assert.deepEqual(loop({ incident: collecting, waiting: 900 }), ['correct', 'waits for 60 more; 900 rows queued']);
  assert.deepEqual(loop({ incident: collecting, waiting: 900, run }), ['retrain', 'trains a candidate']);
  assert.deepEqual(loop({ run: { ...run, phase: 'eval', candidate: 'v2' } }), ['gate', 'runs the eval pack']);
  assert.deepEqual(loop({ challenger: { version: 'v2', share: 0.1 } }), ['promote', 'on trial beside the champion']);
});

test('what cannot be told is unknown, not calm', () => {
  const steps = describeSteps({ ...calm, monitors: [], run: { ...run, phase: null } });
  const states = Object.fromEntries(steps.map(({ step, state }) => [step, state]));
  assert.deepEqual([states['watch'], states['retrain']], ['unknown', 'unknown']);
  const [down] = describeSteps({ ...calm, monitors: [{ monitor: 'gold_set', state: 'down' }] }).slice(1);
  assert.deepEqual([down?.state, down?.says], ['alarm', 'no answer: gold set']);
});

test('a model without a champion waits for its first version, and is nowhere in the loop', () => {
  const steps = describeSteps({ ...calm, champion: null, requests: 0 });
  assert.deepEqual([steps[0]?.state, currentStep(steps)], ['waiting', null]);
});
