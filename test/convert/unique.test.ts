import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CorrectedRow } from '../../src/convert/rows.ts';
import { keepUnique } from '../../src/convert/unique.ts';

function rowsOf(...said: readonly (readonly [prompt: string, completion: string])[]): CorrectedRow[] {
  return said.map(([prompt, completion], index) => ({
    ...{ seq: index + 1, requestId: `r${index + 1}`, correctionId: `c${index + 1}`, prompt, completion },
    ...{ response: 'wrong', tools: null, ts: new Date(0), tags: [], incident: '' },
  }));
}

function outcome(rows: readonly CorrectedRow[]) {
  const { kept, dropped } = keepUnique(rows);
  return {
    kept: kept.map(({ requestId }) => requestId),
    dropped: dropped.map(({ row, because, of }) => `${row.requestId} ${because} of ${of ?? '-'}`),
  };
}

test('of near copies with the same completion the oldest stays', () => {
  const rows = rowsOf(
    ['where is my parcel', 'track'],
    ['Where is my parcel?', 'track'],
    ['cancel the order', 'cancel'],
  );
  assert.deepEqual(outcome(rows), { kept: ['r1', 'r3'], dropped: ['r2 duplicate of r1'] });
});

test('near copies with different completions are both kept: what differs may matter', () => {
  const rows = rowsOf(['the square root of 80', '8.94'], ['the square root of 81', '9']);
  assert.deepEqual(outcome(rows), { kept: ['r1', 'r2'], dropped: [] });
});

test('the same question answered differently goes with most rows', () => {
  const rows = rowsOf(['block my card', 'freeze'], ['Block  my card', 'freeze'], ['block my card', 'lost']);
  assert.deepEqual(outcome(rows), { kept: ['r1'], dropped: ['r3 conflict of r1', 'r2 duplicate of r1'] });
});

test('of two answers to the same question the newest wins', () => {
  const rows = rowsOf(['block my card', 'freeze'], ['block my card', 'lost']);
  assert.deepEqual(outcome(rows), { kept: ['r2'], dropped: ['r1 conflict of r2'] });
});

test('the same question to a model that could call other tools is another question', () => {
  const rows = rowsOf(['the weather in Bonn', 'rain'], ['the weather in Bonn', 'I cannot tell']);
  const [first, second] = rows;
  assert.ok(first !== undefined && second !== undefined);
  first.tools = '{"tools":[{"function":{"name":"weather"}}]}';
  assert.deepEqual(outcome(rows), { kept: ['r1', 'r2'], dropped: [] });
  second.completion = 'rain';
  assert.deepEqual(outcome(rows), { kept: ['r1', 'r2'], dropped: [] });
  second.tools = first.tools;
  assert.deepEqual(outcome(rows), { kept: ['r1'], dropped: ['r2 duplicate of r1'] });
});

test('the same calls under other ids say the same', () => {
  const call = (id: string) =>
    JSON.stringify({ role: 'assistant', content: null, tool_calls: [{ id, function: { name: 'weather' } }] });
  const rows = rowsOf(['the weather in Bonn', call('a')], ['the weather in Bonn', call('b')]);
  assert.deepEqual(outcome(rows), { kept: ['r1'], dropped: ['r2 duplicate of r1'] });
});

test('questions in one conversation count with their turns', () => {
  const turns = (first: string) =>
    JSON.stringify([
      { role: 'user', content: first },
      { role: 'assistant', content: 'which one?' },
      { role: 'user', content: 'the blue one' },
    ]);
  const rows = rowsOf(
    [turns('please order the garden chair for me'), 'chair'],
    [turns('please order a lamp for the hall'), 'chair'],
  );
  assert.deepEqual(outcome(rows).kept, ['r1', 'r2']);
});
