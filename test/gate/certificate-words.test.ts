import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateWords, type CertificateCircumstances } from '../../src/gate/certificate-words.ts';
import type { Certificate, CertificateContent } from '../../src/gate/certificate.ts';
import { gateSchema, type Gate } from '../../src/gate/config.ts';
import { decideVerdict, type CaseResult } from '../../src/gate/verdict.ts';
import { incumbentOf } from './fixtures.ts';

const known: CertificateCircumstances = {
  fault: null,
  key: '0a1b2c3d4e5f6071',
  learned: { rows: 214, operators: ['ann', 'bob'] },
};

/** Cases of a slice; those numbered below `right` pass. */
function cases(
  slice: string,
  count: number,
  right: (n: number) => boolean | number | null,
  label?: string,
): CaseResult[] {
  return Array.from({ length: count }, (_, n) => {
    const value = right(n);
    const shared = { case: `${slice}-${label ?? ''}${n}`, slice, ...(label === undefined ? {} : { label }) };
    return typeof value === 'number'
      ? { ...shared, passed: value > 0.5, rate: value, score: value }
      : { ...shared, passed: value };
  });
}

const gate = (given: Partial<Gate>): Gate => gateSchema.parse(given);

function certificateOf(
  gates: readonly Gate[],
  candidate: readonly CaseResult[],
  champion: readonly CaseResult[] | null,
  more: Partial<CertificateContent> = {},
): Certificate {
  const verdict = decideVerdict({ gates, candidate, champion });
  const content = incumbentOf({
    ...{ version: 'v2', kind: champion === null ? 'first' : 'gated', passed: verdict.verdict === 'pass' },
    ...{ champion: champion === null ? null : 'v1', gates: [...gates], verdict, packUses: 3, ...more },
  });
  return { ...content, id: 'c1', signature: { key: known.key ?? '', value: '' } };
}

const say = (certificate: Certificate | null, more: Partial<CertificateCircumstances> = {}) =>
  certificateWords(certificate, { ...known, ...more });

test('a pass names both shares, the interval, the margin, whose corrections it learned from, and the key', () => {
  const candidate = cases('spam-1', 1000, (n) => n < 960);
  const champion = cases('spam-1', 1000, (n) => n < 946 || (n >= 960 && n < 965));
  const words = say(certificateOf([gate({ slice: 'spam-1' })], candidate, champion, { approvedBy: 'eve' }));
  assert.equal(words.state, 'passed');
  assert.equal(
    words.headline,
    'Passed: on spam-1 it answers 96.0 % right, v1 95.1 %; difference between +0.2 and +1.7 points, margin 2.5 points.',
  );
  assert.deepEqual(words.facts, [
    'Made from 214 corrections by ann and bob.',
    'Approved by eve.',
    'Compared with v1 case by case; each end of an interval holds with 95 %.',
    'Its eval pack has decided 3 times about this model.',
  ]);
  assert.deepEqual(words.signature, { state: 'good', says: 'Signed with key 0a1b2c3d4e5f6071, verified.' });
});

test('a failure names every gate that stood against it, and no other', () => {
  const candidate = [...cases('a', 400, (n) => n < 340), ...cases('b', 400, () => true)];
  const champion = [...cases('a', 400, (n) => n < 390), ...cases('b', 400, () => true)];
  const words = say(
    certificateOf([gate({ slice: 'a', min: 0.9, maxDrop: 0.025 }), gate({ slice: 'b' })], candidate, champion),
  );
  assert.equal(words.state, 'failed');
  assert.equal(
    words.headline,
    'Failed: on a it answers 85.0 % right, wanted 90.0 %. On a it answers 85.0 % right, v1 97.5 %; difference between −15.5 and ' +
      '−10.0 points: it may lose more than the margin of 2.5 points.',
  );
  assert.deepEqual(
    words.gates.map(({ slice, outcome }) => `${slice} ${outcome}`),
    ['a failed', 'a failed', 'b passed'],
  );
});

test('an inconclusive one says how many cases are missing', () => {
  const few = cases('a', 40, () => true);
  const compared = say(certificateOf([gate({ slice: 'a', maxDrop: 0.025 })], few, few));
  assert.equal(compared.state, 'inconclusive');
  assert.equal(
    compared.headline,
    'Not decided: on a, 40 cases are too few: 66 more cases are needed to rule out a loss of 2.5 points.',
  );
  assert.equal(compared.gates[0]?.missingCases, 66);
  const floor = say(certificateOf([gate({ slice: 'a', min: 0.99 })], few, few));
  assert.match(floor.headline, /^Not decided: on a, 40 cases are too few: 60 more cases are needed to show 99\.0 %\.$/);
});

test('of many gates that stood against it the headline names two, and the list all', () => {
  const slices = ['a', 'b', 'c', 'd'];
  const few = slices.flatMap((slice) => cases(slice, 40, () => true));
  const words = say(
    certificateOf(
      slices.map((slice) => gate({ slice, maxDrop: 0.025 })),
      few,
      few,
    ),
  );
  assert.match(words.headline, /^Not decided: on a, .* On b, .* And 2 more gates\.$/);
  assert.equal(words.gates.length, 4);
});

test('answers that could not be judged are counted where they decide', () => {
  const candidate = cases('a', 400, (n) => (n < 30 ? null : true));
  const words = say(
    certificateOf(
      [gate({ slice: 'a' })],
      candidate,
      cases('a', 400, () => true),
    ),
  );
  assert.equal(words.state, 'inconclusive');
  assert.match(words.headline, /on a, 30 answers could not be judged, and they decide\. Check evals\.judge/);
});

test('a first version was compared with nothing, and says so', () => {
  const gates = [gate({ slice: 'all', min: 0.9, maxDrop: 0.025 })];
  const words = say(
    certificateOf(
      gates,
      cases('a', 200, (n) => n < 190),
      null,
    ),
    { learned: null },
  );
  assert.equal(
    words.headline,
    'Passed as the first version, without a champion to compare with: on the whole eval pack it answers 95.0 % right, wanted 90.0 %.',
  );
  assert.deepEqual(words.facts, ['Made without corrections.', 'Its eval pack has decided 3 times about this model.']);
  assert.match(
    words.gates[1]?.says ?? '',
    /^On the whole eval pack: not asked, as there was nothing to compare with\.$/,
  );
});

test('an advisory slice is told last, with what would make it count', () => {
  const slices = (right: number) => [...cases('small', 120, () => true), ...cases('big', 400, (n) => n < right)];
  const words = say(certificateOf([gate({ slice: 'small' }), gate({ slice: 'big' })], slices(390), slices(388)));
  assert.equal(words.state, 'passed');
  assert.deepEqual(
    words.gates.map(({ slice, required }) => `${slice} ${required}`),
    ['big true', 'small false'],
  );
  assert.match(words.gates[1]?.says ?? '', /Advisory: 180 more cases would make it count\.$/);
});

test('scores have the lower bound that the bootstrap found, and no upper one', () => {
  const scored = (base: number) => cases('a', 400, (n) => base + (n % 10) / 50);
  const words = say(certificateOf([gate({ metric: 'score', slice: 'a' })], scored(0.72), scored(0.71)));
  assert.match(
    words.headline,
    /^Passed: on a it scores 81\.0 %, v1 80\.0 %; difference at least \+0\.3 points, margin 2\.5 points\.$/,
  );
});

test('label/* says that no answer was lost, or which one', () => {
  const pack = (lost: number) => [
    ...cases('a', 40, (n) => n >= lost, 'spam'),
    ...cases('a', 40, () => true, 'mail'),
    ...cases('rest', 400, () => true),
  ];
  const gates = [gate({ slice: 'label/*' }), gate({ slice: 'all', maxDrop: 0.2 })];
  const kept = say(certificateOf(gates, pack(0), pack(0)));
  assert.equal(kept.gates[0]?.says, 'None of 2 answers lost more than 10 points beyond doubt.');
  const lost = say(certificateOf(gates, pack(30), pack(0)));
  assert.equal(
    lost.headline,
    'Failed: the answer “spam” lost 30 and gained 0 of its 40 cases, more than the margin of 10 points. Are its corrections right?',
  );
});

test('a champion below the floor excuses a candidate that is no worse', () => {
  const gates = [gate({ slice: 'a', min: 0.95 })];
  const words = say(
    certificateOf(
      gates,
      cases('a', 400, (n) => n < 372),
      cases('a', 400, (n) => n < 360),
    ),
  );
  assert.equal(
    words.headline,
    'Passed: on a it answers 93.0 % right, wanted 95.0 %; v1 has 90.0 % only, so it stands.',
  );
});

test('improvements and budgets are sentences, too', () => {
  const learned = (right: number) => [...cases('learned/i1', 100, (n) => n < right), ...cases('a', 400, () => true)];
  const timed = (results: CaseResult[], latencyMs: number) => results.map((result) => ({ ...result, latencyMs }));
  const gates = [
    gate({ slice: 'all' }),
    gate({ metric: 'improvement', slice: 'learned', required: false }),
    gate({ metric: 'latency_p95_ms', max: 50 }),
  ];
  const words = say(certificateOf(gates, timed(learned(80), 12.345), timed(learned(40), 9)));
  const said = words.gates.map(({ says }) => says);
  assert.match(said[1] ?? '', /^95 % of its answers come within 12\.35 ms, at most 50 allowed\.$/);
  assert.match(
    said[2] ?? '',
    /^On what was held out of all incidents it is better than v1 by at least [\d.]+ points: 40 cases gained, 0 lost of 100\.$/,
  );
});

test('what is not to be believed is said: forged, unsigned, unchecked, of another release', () => {
  const incumbent: Certificate = { ...incumbentOf(), id: 'c1', signature: { key: 'ab', value: '' } };
  const forged = say(incumbent, { fault: 'its signature does not fit its content' });
  assert.deepEqual(forged.signature, {
    state: 'bad',
    says: 'Not to be trusted: its signature does not fit its content.',
  });
  assert.equal(say(incumbent, { fault: undefined, key: null }).signature.state, 'bad');
  assert.equal(say(incumbent, { fault: undefined }).signature.state, 'unchecked');
  assert.equal(forged.headline, 'It was in production when the model was configured: no gate was asked of it.');
  assert.deepEqual(say(null).state, 'unreadable');
});

test('erased operators, many operators and a worn pack are told', () => {
  const operators = ['a', 'b', 'c', 'd', 'e', 'f', null];
  const result = cases('a', 400, () => true);
  const { facts } = say(certificateOf([gate({ slice: 'a' })], result, result, { packUses: 21 }), {
    learned: { rows: 1500, operators },
  });
  assert.equal(facts[0], 'Made from 1,500 corrections by a, b, c, d, e, and 2 more.');
  assert.match(facts[2] ?? '', /^Its eval pack has decided 21 times about this model: renew some of its cases/);
});
