import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideProposal, isWorthJudging } from '../../../src/correct/relabel/decide.ts';

const good = { first: 'spam', second: 'spam', labels: ['ham', 'spam'], judged: true };

test('two runs that agree on a known label, passed by the judge, make a correction', () => {
  assert.deepEqual(decideProposal(good), {
    ...{ verified: true, agreed: true, judged: true, reason: 'two runs agreed and the judge passed it' },
  });
  assert.ok(decideProposal({ ...good, labels: null }).verified);
});

for (const [what, change, reason] of [
  ['runs that differ', { second: 'ham' }, 'two runs did not agree'],
  ['a label nobody knows', { first: 'eggs', second: 'eggs' }, 'it is not a known label'],
  ['a judge that says no', { judged: false }, 'the judge did not pass it'],
  ['no judge', { judged: null }, 'there is no judge'],
  ['silence', { first: '', second: '' }, 'it answered nothing'],
] as const) {
  test(`${what}: a suggestion at most`, () => {
    const decision = decideProposal({ ...good, ...change });
    assert.deepEqual([decision.verified, decision.reason], [false, reason]);
  });
}

test('the judge is asked only where its yes would matter', () => {
  assert.ok(isWorthJudging(good));
  assert.ok(!isWorthJudging({ ...good, second: 'ham' }));
  assert.ok(!isWorthJudging({ ...good, labels: ['ham'] }));
});
