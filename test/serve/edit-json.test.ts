import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editJson } from '../../src/serve/edit-json.ts';

test('values are replaced in place and every other byte stays', () => {
  const json = ' { "a" : 12345678901234567890 ,\t"model": {"model": [1, "}\\""]} , "b":1.0, "z":"\\u0041" } ';
  assert.equal(editJson(json, { model: '"m"' }), json.replace('{"model": [1, "}\\""]}', '"m"'));
  assert.equal(editJson(json, { b: '2' }), json.replace('1.0', '2'));
});

test('members of arrays and objects are replaced where they are', () => {
  const json = '{"choices":[{"logprobs":{"content":[{}]},"n":1},{"n":2},{"logprobs":null},7],"logprobs":[]}';
  assert.equal(
    editJson(json, { choices: { logprobs: '0' } }),
    '{"choices":[{"logprobs":0,"n":1},{"n":2},{"logprobs":0},7],"logprobs":[]}',
  );
});

test('missing keys are added; doubled and escaped ones are replaced', () => {
  assert.equal(editJson('{}', { id: '1' }), '{"id":1}');
  assert.equal(editJson(' {"a":1}', { id: '1', b: '2' }), '{"id":1,"b":2,"a":1}');
  assert.equal(editJson('{"i\\u0064":1,"id":2}', { id: '3' }), '{"i\\u0064":3,"id":3}');
});

for (const broken of [
  '',
  'x',
  '[]',
  '"id"',
  '{',
  '{"id"',
  '{"id":',
  '{"id":1',
  '{"id":}',
  '{"id" 1}',
  '{"a":"\\"}',
  '{1:2}',
  '{"a":[1}',
]) {
  test(`${JSON.stringify(broken)} is refused`, () => {
    assert.throws(() => editJson(broken, { id: '1', a: { b: '1' } }), SyntaxError);
  });
}

test('a hostile megabyte costs little', () => {
  const bulk = '\\'.repeat(2 ** 20);
  const edited = editJson(`{"a":"${bulk}","b":${'['.repeat(2 ** 19)}${']'.repeat(2 ** 19)}}`, { b: '1' });
  assert.equal(edited, `{"a":"${bulk}","b":1}`);
});
