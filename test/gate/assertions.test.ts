import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSchema } from '../../src/gate/assertions.ts';
import { runChecks, type Scorers } from '../../src/gate/check.ts';

const noScorers: Scorers = {
  similarity: () => Promise.reject(new Error('not asked for')),
  rubric: () => Promise.reject(new Error('not asked for')),
};

async function passes(assertion: object, text: string, latencyMs = 5, scorers = noScorers): Promise<boolean | null> {
  const given = { messages: [{ role: 'user', content: 'hi' }], text, latencyMs };
  const outcome = await runChecks({ checks: [checkSchema.parse(assertion)] }, given, scorers);
  return outcome?.passed ?? null;
}

/** Assertion without its type's `not-`, an answer that meets it, one that does not. */
const table: [{ type: string; value?: unknown }, string, string][] = [
  [{ type: 'equals', value: 'Yes.' }, ' Yes.\n', 'yes.'],
  [{ type: 'equals', value: { a: [1, 'x'] } }, '{"a": [1, "x"]}', '{"a": [1]}'],
  [{ type: 'contains', value: 'refund' }, 'your refund is due', 'your Refund is due'],
  [{ type: 'icontains', value: 'REFUND' }, 'your refund is due', 'your money is due'],
  [{ type: 'starts-with', value: 'Dear' }, '\nDear Ann', 'My Dear'],
  [{ type: 'contains-any', value: ['a1', 'b2'] }, 'has b2', 'has c3'],
  [{ type: 'contains-all', value: ['a1', 'b2'] }, 'b2 then a1', 'only a1'],
  [{ type: 'icontains-any', value: ['A1', 'B2'] }, 'has b2', 'has c3'],
  [{ type: 'icontains-all', value: ['A1', 'B2'] }, 'b2 then a1', 'only a1'],
  [{ type: 'regex', value: '^\\d{4}-\\d{2}$' }, '2026-05', '2026-5'],
  [{ type: 'is-json' }, '[1]', '[1'],
  [{ type: 'is-json', value: { type: 'object', required: ['id'] } }, '{"id":1}', '{"no":1}'],
  [{ type: 'no-pii' }, 'write to support', 'write to ann@example.com'],
];

test('every assertion of text holds for what it names and for nothing else, and its opposite the other way round', async () => {
  for (const [assertion, good, bad] of table) {
    const name = JSON.stringify(assertion);
    assert.equal(await passes(assertion, good), true, name);
    assert.equal(await passes(assertion, bad), false, name);
    const opposite = { ...assertion, type: `not-${assertion.type}` };
    assert.equal(await passes(opposite, good), false, `not ${name}`);
    assert.equal(await passes(opposite, bad), true, `not ${name}`);
  }
});

test('latency is held against its threshold in ms', async () => {
  assert.equal(await passes({ type: 'latency', threshold: 100 }, 'x', 100), true);
  assert.equal(await passes({ type: 'latency', threshold: 100 }, 'x', 101), false);
});

test('a pattern that would hang a backtracking engine does not, alone or in a JSON schema', async () => {
  const text = `${'a'.repeat(100_000)}b`;
  assert.equal(await passes({ type: 'regex', value: '^(a+)+$' }, text), false);
  const schema = { type: 'string', pattern: '^(a|aa)+$' };
  assert.equal(await passes({ type: 'is-json', value: schema }, JSON.stringify(text)), false);
});

test('two patterns of one JSON schema stay two', async () => {
  const schema = { properties: { a: { pattern: '^x$' }, b: { pattern: '^y$' } } };
  assert.equal(await passes({ type: 'is-json', value: schema }, '{"a":"x","b":"y"}'), true);
  assert.equal(await passes({ type: 'is-json', value: schema }, '{"a":"x","b":"x"}'), false);
});

test('what cannot work is refused when it is read, and says what is wrong', () => {
  const refused: [object, RegExp][] = [
    [{ type: 'regex', value: '(?=x)' }, /RE2/],
    [{ type: 'regex', value: '(' }, /RE2/],
    [{ type: 'is-json', value: { type: 'objekt' } }, /not a JSON schema/],
    [{ type: 'is-json', value: { $ref: 'https://elsewhere/schema.json' } }, /not a JSON schema/],
    [{ type: 'is-json', value: { pattern: '(?<=x)' } }, /RE2/],
    [{ type: 'contains' }, /./],
    [{ type: 'contains-any', value: 'a,b' }, /array/],
    [{ type: 'latency' }, /./],
    [{ type: 'javascript', value: 'true' }, /./],
    [{ type: 'contains', value: 'x', treshold: 1 }, /treshold/],
    [{ type: 'contains', value: 'x', weight: -1 }, /./],
  ];
  for (const [assertion, reason] of refused) {
    const parsed = checkSchema.safeParse(assertion);
    assert.equal(parsed.success, false, JSON.stringify(assertion));
    assert.match(parsed.error.issues.map(({ message }) => message).join(), reason, JSON.stringify(assertion));
  }
});

const given = { messages: [], text: 'one two', latencyMs: 1 };
const check = (value: string, weight?: number) => checkSchema.parse({ type: 'contains', value, weight });

test('without a threshold every check must pass; with one, the weighted score must reach it', async () => {
  const checks = [check('one', 3), check('three')];
  assert.deepEqual(await runChecks({ checks }, given, noScorers), { passed: false, score: 0.75 });
  assert.deepEqual(await runChecks({ checks, threshold: 0.75 }, given, noScorers), { passed: true, score: 0.75 });
  assert.deepEqual(await runChecks({ checks, threshold: 0.76 }, given, noScorers), { passed: false, score: 0.75 });
  const shown = [check('one'), check('three', 0)];
  assert.deepEqual(await runChecks({ checks: shown }, given, noScorers), { passed: true, score: 1 });
});

test('similar and llm-rubric take their score from the endpoints, and are unknown without one', async () => {
  const scorers = (similar: number | null, rubric: { passed: boolean; score: number } | null): Scorers => ({
    similarity: () => Promise.resolve(similar),
    rubric: () => Promise.resolve(rubric),
  });
  const similar = { type: 'similar', value: 'x', threshold: 0.8 };
  assert.equal(await passes(similar, 'x', 1, scorers(0.8, null)), true);
  assert.equal(await passes(similar, 'x', 1, scorers(0.79, null)), false);
  assert.equal(await passes({ ...similar, type: 'not-similar' }, 'x', 1, scorers(0.79, null)), true);
  assert.equal(await passes(similar, 'x', 1, scorers(null, null)), null);
  assert.equal(await passes({ ...similar, type: 'not-similar' }, 'x', 1, scorers(null, null)), null);
  const rubric = { type: 'llm-rubric', value: 'polite' };
  assert.equal(await passes(rubric, 'x', 1, scorers(null, { passed: true, score: 0.4 })), true);
  assert.equal(await passes({ ...rubric, threshold: 0.5 }, 'x', 1, scorers(null, { passed: true, score: 0.4 })), false);
  assert.equal(await passes(rubric, 'x', 1, scorers(null, null)), null);
});
