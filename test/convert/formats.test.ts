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
    ...{ ts: new Date(0), tags: [], incident: '' },
    ...row,
  });
}

test('turns that call tools are kept, and so is an answer that calls one', () => {
  const lesson = lessonOf({ prompt: JSON.stringify(turns), completion: JSON.stringify(calling) });
  assert.deepEqual(toChatPair(lesson).messages, [...turns, calling]);
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
