import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSlices } from '../../src/gate/compare-slices.ts';
import { pairedLowerBound } from '../../src/gate/paired.ts';
import type { CaseResult } from '../../src/gate/verdict.ts';

const results = (slice: string, count: number, passed: (n: number) => boolean | null): CaseResult[] =>
  Array.from({ length: count }, (_, n) => ({ case: `${slice}${n}`, slice, passed: passed(n) }));

test("each slice has the interval by which gates decide, held-out corrections beside the pack's own", () => {
  const candidate = [...results('a', 100, (n) => n < 90), ...results('learned/i1', 20, () => true)];
  const champion = [...results('a', 100, (n) => n >= 15), ...results('learned/i1', 20, (n) => n < 5)];
  const [all, a, learned] = compareSlices(candidate, champion, [{ slice: 'a', margin: 0.05 }]);
  assert.deepEqual([all?.slice, all?.cases, a?.slice, learned?.slice], ['all', 100, 'a', 'learned/i1']);
  assert.ok(a !== undefined && learned !== undefined);
  assert.deepEqual([a.candidate, a.champion, a.margin, learned.margin], [0.9, 0.85, 0.05, null]);
  assert.equal(a.lower, pairedLowerBound(15, 10, 100));
  assert.equal(a.upper, -pairedLowerBound(10, 15, 100));
  assert.ok(a.lower < a.difference && a.difference < a.upper);
  assert.equal(learned.difference, 0.75);
});

test('a case that nobody could judge counts against the candidate, one that only one version answered for neither', () => {
  const champion = results('a', 11, (n) => (n === 0 ? null : true));
  const [all] = compareSlices(
    results('a', 10, (n) => (n === 1 ? null : true)),
    champion,
    [],
  );
  assert.deepEqual([all?.cases, all?.candidate, all?.champion], [10, 0.9, 1]);
});

test('scores between pass and failure have the bound their gate found, or none', () => {
  const scored = results('a', 10, () => true).map((result) => ({ ...result, rate: 0.5 }));
  const asked = [{ slice: 'a', margin: 0.05, lowerBound: -0.01 }];
  const [all, a] = compareSlices(
    scored,
    results('a', 10, () => false),
    asked,
  );
  assert.deepEqual([all?.lower, all?.upper, a?.lower, a?.upper], [null, null, -0.01, null]);
});
