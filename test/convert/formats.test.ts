import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLesson, toChatPair, toOpenAiPreference, toTrlPreference } from '../../src/convert/formats.ts';
import type { CorrectedRow } from '../../src/convert/rows.ts';

const call = { id: 'call_1', type: 'function', function: { name: 'refund', arguments: '{"order":"A7"}' } };
const calling = { role: 'assistant', content: null, tool_calls: [call] };
const turns = [
  { role: 'user', content: 'refund my order' },
  calling,
  { role: 'tool', content: 'done', tool_call_id: 'call_1' },
];

function lessonOf(row: Partial<CorrectedRow>) {
  return readLesson({
    ...{ seq: 1, requestId: 'r', correctionId: 'c', prompt: 'hello', completion: 'right', response: 'wrong' },
    ...{ tools: null, ts: new Date(0), tags: [], incident: '' },
    ...row,
  });
}

test('turns that call tools are kept, and so is an answer that calls one', () => {
  const lesson = lessonOf({ prompt: JSON.stringify(turns), completion: JSON.stringify(calling) });
  assert.deepEqual(toChatPair(lesson).messages, [...turns, calling]);
});

const refund = { type: 'function', function: { name: 'refund', parameters: { type: 'object', properties: {} } } };

test('what the model could call stands beside the turns, where each format has it', () => {
  const offered = { tools: [refund], parallel_tool_calls: false };
  const lesson = lessonOf({ tools: JSON.stringify(offered) });
  assert.deepEqual(toChatPair(lesson), { messages: [...lesson.asked, lesson.right], ...offered });
  const openai = toOpenAiPreference(lesson);
  assert.deepEqual(openai?.input, { messages: lesson.asked, ...offered });
  assert.deepEqual(toTrlPreference(lesson), {
    ...{ prompt: lesson.asked, chosen: [lesson.right], rejected: [lesson.wrong] },
    ...offered,
  });
});

test('tools are redacted once more, and that counts', () => {
  const described = { ...refund, function: { ...refund.function, description: 'else mail ann@example.com' } };
  const lesson = lessonOf({ tools: JSON.stringify({ functions: [described] }) });
  assert.deepEqual(toChatPair(lesson).functions, [
    { ...refund, function: { ...refund.function, description: 'else mail [EMAIL]' } },
  ]);
  assert.equal(lesson.redactedAgain, true);
  assert.equal(lessonOf({ tools: JSON.stringify({ tools: [refund] }) }).redactedAgain, false);
});

test('a call that a person corrected is a call, however they spaced and ordered it', () => {
  const { role, ...rest } = calling;
  const lesson = lessonOf({
    completion: JSON.stringify({ ...rest, role }, null, 2),
    response: JSON.stringify(calling),
  });
  assert.deepEqual(lesson.right, calling);
  assert.equal(lesson.wrong, null, 'the same in other words');
  const text = '{"name":"Ann","role":"assistant"}';
  assert.deepEqual(lessonOf({ completion: text }).right, { role: 'assistant', content: text });
});

test('the last turn is the assistant, what it should have said preferred over what it said', () => {
  const lesson = lessonOf({});
  const [asked, right, wrong] = [
    { role: 'user', content: 'hello' },
    { role: 'assistant', content: 'right' },
    { role: 'assistant', content: 'wrong' },
  ];
  assert.deepEqual(toChatPair(lesson), { messages: [asked, right] });
  assert.deepEqual(toTrlPreference(lesson), { prompt: [asked], chosen: [right], rejected: [wrong] });
  assert.deepEqual(toOpenAiPreference(lesson), {
    ...{ input: { messages: [asked] }, preferred_output: [right], non_preferred_output: [wrong] },
  });
});

test('where the model was right there is nothing to prefer', () => {
  const lesson = lessonOf({ completion: 'yes ', response: 'yes' });
  assert.equal(toOpenAiPreference(lesson), null);
  assert.equal(toTrlPreference(lesson), null);
});

test('an answer that only looks like a message stays text', () => {
  const lesson = lessonOf({ completion: '{"role":"assistant" is how it begins' });
  assert.equal(lesson.right.content, '{"role":"assistant" is how it begins');
});
