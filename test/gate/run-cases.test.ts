import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promptText } from '../../src/chat.ts';
import { checkSchema } from '../../src/gate/assertions.ts';
import type { Scorers } from '../../src/gate/check.ts';
import { exactCase, type Case } from '../../src/gate/pack.ts';
import { readCasesWithLearned, runCases } from '../../src/gate/run-cases.ts';
import type { AnswerRequest, Answered } from '../../src/serve/answer.ts';

/** Answers each prompt with what the test gives it, in turn, and notes how it was asked. */
function answering(answers: Record<string, string[]>) {
  const batches: number[] = [];
  return {
    batches,
    answerBatch: (requests: readonly AnswerRequest[]): Promise<Answered[]> => {
      batches.push(requests.length);
      return Promise.resolve(
        requests.map(({ messages }, place) => ({
          ...{ requestId: String(place), version: 'v1', logprob: null, latencyMs: 10 * requests.length },
          text: answers[promptText(messages)]?.shift() ?? '',
        })),
      );
    },
  };
}

const scorers: Scorers = {
  similarity: () => Promise.resolve(null),
  rubric: ({ text }) => Promise.resolve(text === 'unjudged' ? null : { passed: text === 'good', score: 0.5 }),
};
const ask = (prompt: string, more: Partial<Case> = {}): Case => ({
  ...exactCase([{ role: 'user', content: prompt }], 'yes', 'all'),
  ...{ id: prompt, ...more },
});
const asked = (...cases: Case[]) => ({ model: 'm', source: 'eval' as const, cases });
const rubric = [checkSchema.parse({ type: 'llm-rubric', value: 'x' })];

test('answers are scored case by case, in the order of the set', async () => {
  const answerer = answering({ a: ['yes'], b: ['no'], c: [' yes '] });
  assert.deepEqual(await runCases(answerer, scorers, asked(ask('a'), ask('b', { slice: 'hard' }), ask('c'))), [
    { case: 'a', slice: 'all', passed: true },
    { case: 'b', slice: 'hard', passed: false },
    { case: 'c', slice: 'all', passed: true },
  ]);
  assert.deepEqual(answerer.batches, [3]);
});

test('repeats of a case are averaged, and it passes when all of them do', async () => {
  const answerer = answering({ a: ['yes', 'no', 'yes', 'yes'], b: ['yes', 'yes'] });
  const results = await runCases(answerer, scorers, asked(ask('a', { repeats: 4 }), ask('b', { repeats: 2 })));
  assert.deepEqual(results, [
    { case: 'a', slice: 'all', passed: false, rate: 0.75 },
    { case: 'b', slice: 'all', passed: true },
  ]);
});

test('a score that is not just pass or fail is kept', async () => {
  const answerer = answering({ a: ['good'] });
  const results = await runCases(answerer, scorers, asked(ask('a', { checks: rubric })));
  assert.deepEqual(results, [{ case: 'a', slice: 'all', passed: true, score: 0.5 }]);
});

test('a case of which one answer cannot be judged is unknown, not failed', async () => {
  const answerer = answering({ a: ['good', 'unjudged'] });
  const results = await runCases(answerer, scorers, {
    ...asked(ask('a', { checks: rubric, repeats: 2 })),
    patienceMs: [],
  });
  assert.deepEqual(results, [{ case: 'a', slice: 'all', passed: null }]);
});

test('what could not be judged is judged again after a while, without asking the version again', async () => {
  const answerer = answering({ a: ['good'], b: ['good'] });
  const grades = [null, { passed: true, score: 1 }, null, { passed: true, score: 1 }];
  const busy: Scorers = { ...scorers, rubric: () => Promise.resolve(grades.shift() ?? null) };
  const cases = asked(ask('a', { checks: rubric }), ask('b', { checks: rubric }));
  const results = await runCases(answerer, busy, { ...cases, patienceMs: [1, 1] });
  assert.deepEqual([results.map(({ passed }) => passed), answerer.batches], [[true, true], [2]]);
});

test('answers are timed one by one when a case or the caller wants it', async () => {
  const latency = [checkSchema.parse({ type: 'latency', threshold: 15 })];
  const answerer = answering({});
  const results = await runCases(answerer, scorers, asked(ask('a', { checks: latency }), ask('b')));
  assert.deepEqual(
    results.map(({ passed, latencyMs }) => [passed, latencyMs]),
    [
      [true, 10],
      [false, 10],
    ],
  );
  const [timed] = await runCases(answerer, scorers, { ...asked(ask('a')), timed: true });
  assert.equal(timed?.latencyMs, 10);
  assert.ok(answerer.batches.every((size) => size === 1));
});

test('held-out corrections are cases of what was learned, but for those that call tools: nobody can answer them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-cases-'));
  const call = { role: 'assistant', content: null, tool_calls: [{ id: 'c', function: { name: 'weather' } }] };
  const heldOut = [{ role: 'assistant', content: 'rain' }, call, { ...call, content: ' ' }].map((said, place) => ({
    messages: [{ role: 'user', content: `question ${place}` }, said],
    incident: 'i1',
  }));
  await writeFile(join(folder, 'held-out.jsonl'), heldOut.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const pack = join(folder, 'pack.jsonl');
  await writeFile(pack, '{"prompt":"a","completion":"yes"}\n');
  const { cases } = await readCasesWithLearned(pack, folder);
  assert.deepEqual(
    cases.map(({ slice, messages }) => [slice, messages[0]?.content]),
    [
      ['all', 'a'],
      ['learned/i1', 'question 0'],
    ],
  );
  await rm(folder, { recursive: true });
});
