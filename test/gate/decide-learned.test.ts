import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedGates } from '../../src/gate/asked-gates.ts';
import { gateSchema, type Gate } from '../../src/gate/config.ts';
import { gateWords } from '../../src/gate/gate-words.ts';
import { decideVerdict, type CaseResult } from '../../src/gate/verdict.ts';
import { createRandom } from '../../src/retrain/embedded/random.ts';

const whole = gateSchema.parse({ slice: 'all' });
const slice = (n: number) => `learned/incident-${n}`;

/** `count` cases of a slice, of which the first `failed` fail. */
function results(name: string, count: number, failed = 0): CaseResult[] {
  return Array.from({ length: count }, (_, n) => ({ case: `${name}-${n}`, slice: name, passed: n >= failed }));
}

/** A pack of 600 cases that both pass, and of each incident as many held-out corrections; `lost` are the first one's. */
function decide(lost: number, { each = 12, incidents = 2, configured = [whole] }: Asked = {}) {
  const others = Array.from({ length: incidents - 1 }, (_, n) => results(slice(n + 2), each)).flat();
  const of = (failed: number) => [...results('all', 600), ...results(slice(1), each, failed), ...others];
  const candidate = of(lost);
  return decideVerdict({ gates: askedGates(configured, [], candidate), champion: of(0), candidate });
}

interface Asked {
  each?: number;
  incidents?: number;
  configured?: Gate[];
}

test('a candidate that has forgotten what an earlier incident taught is refused, however few its cases', () => {
  for (const each of [2, 5, 12, 299]) {
    const { verdict, reasons } = decide(each, { each });
    assert.equal(verdict, 'fail', `${each} cases`);
    assert.match(
      reasons.join(),
      new RegExp(`^Slice learned/incident-1: what it taught is forgotten, ${each} of ${each}`),
    );
  }
  assert.equal(decide(12, { incidents: 40 }).verdict, 'fail');
});

test('one that has forgotten a quarter is refused, where enough cases show it', () => {
  assert.equal(decide(3, { each: 12 }).verdict, 'fail');
  assert.equal(decide(5, { each: 20, incidents: 10 }).verdict, 'fail');
  assert.equal(decide(2, { each: 8 }).verdict, 'pass');
  assert.equal(decide(3, { each: 12, incidents: 10 }).verdict, 'pass');
});

test('one lost case is not forgetting, though it is the only one', () => {
  assert.equal(decide(1, { each: 1, incidents: 1 }).verdict, 'pass');
});

test('an equal candidate passes, and a slightly worse one; the comparison stays advisory', () => {
  for (const lost of [0, 1, 2]) {
    const { verdict, gates } = decide(lost, { each: 20 });
    assert.equal(verdict, 'pass', `${lost} lost`);
    const asked = gates.find((gate) => gate.slice === slice(1));
    assert.deepEqual([asked?.method, asked?.required], ['tango', false]);
  }
});

test('what was gained in the slice speaks for the candidate', () => {
  const before = [...results('all', 600), ...results(slice(1), 20, 5)];
  const after = before.map((one, n) => (n >= 600 ? { ...one, passed: n < 615 } : one));
  assert.equal(
    decideVerdict({ gates: askedGates([whole], [], after), champion: before, candidate: after }).verdict,
    'pass',
  );
});

test('a slice that the configuration names is asked as it says', () => {
  const named = (more: object) => decide(6, { configured: [whole, gateSchema.parse({ slice: slice(1), ...more })] });
  assert.equal(named({ required: false }).verdict, 'pass');
  assert.equal(named({ maxDrop: 0.95 }).verdict, 'pass');
  assert.equal(named({}).verdict, 'fail');
});

test('answers that could not be judged are not forgotten', () => {
  const champion = [...results('all', 600), ...results(slice(1), 12)];
  const candidate = champion.map((one) => (one.slice === 'all' ? one : { ...one, passed: null }));
  const decision = decideVerdict({ gates: askedGates([whole], [], candidate), champion, candidate });
  assert.equal(decision.verdict, 'inconclusive');
  assert.match(decision.reasons.join(), /12 answers could not be judged/);
});

/** The share of 1,000 candidates that are refused, which lose and gain so much of each slice; of the first one `forgotten`. */
function shareRefused(
  sizes: readonly number[],
  { differ, forgotten = differ }: { differ: number; forgotten?: number },
) {
  const random = createRandom(7);
  const pack = results('all', 600);
  let refused = 0;
  for (let round = 0; round < 1000; round += 1) {
    const pairs = sizes.flatMap((size, n) => results(slice(n), size)).map((one) => ({ one, u: random() }));
    const lossOf = (one: CaseResult) => (one.slice === slice(0) ? forgotten : differ);
    const champion = [...pack, ...pairs.map(({ one, u }) => ({ ...one, passed: u < 1 - differ }))];
    const candidate = [...pack, ...pairs.map(({ one, u }) => ({ ...one, passed: u > lossOf(one) }))];
    const gates = askedGates([whole], [], candidate);
    if (decideVerdict({ gates, champion, candidate }).verdict !== 'pass') refused += 1;
  }
  return refused / 1000;
}

test('candidates that differ by chance only are hardly ever refused, however many incidents there were', () => {
  const many = [2, 3, 5, 8, 10, 12, 15, 20, 30, 60];
  for (const sizes of [[12], [20], [50], [12, 12], [12, 20, 50], many]) {
    for (const differ of [0.03, 0.05]) {
      const refused = shareRefused(sizes, { differ });
      assert.ok(refused < 0.05, `${sizes.join()}, ${differ}: ${refused}`);
    }
  }
});

test('a quarter forgotten is refused nearly every second time on 12 cases, and nearly always on 50', () => {
  assert.ok(shareRefused([12, 12], { differ: 0.03, forgotten: 0.25 }) > 0.4);
  assert.ok(shareRefused([50, 50], { differ: 0.03, forgotten: 0.25 }) > 0.8);
});

test('the certificate says in plain words what was forgotten', () => {
  const failed = decide(12).gates.find(({ outcome }) => outcome === 'failed');
  assert.ok(failed !== undefined);
  assert.equal(
    gateWords(failed, 'v2').says,
    'On what was held out of incident incident-1 it answers 0.0 % right, v2 100.0 %: it has forgotten 12 of 12 cases and ' +
      'learned 0, more than 5 points lost beyond doubt.',
  );
});
