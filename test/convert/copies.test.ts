import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownTexts } from '../../src/convert/copies.ts';

function reserve(...texts: string[]): KnownTexts {
  const reserved = new KnownTexts();
  for (const text of texts) reserved.add(text);
  return reserved;
}

const long = Array.from(
  { length: 80 },
  (_, index) =>
    `sentence ${'abcdefghij'[index % 10] ?? ''}${'klmnopqrst'[index % 7] ?? ''} speaks of matter ${String.fromCharCode(97 + (index % 26))}`,
).join(' ');

test('a text that differs in case, punctuation, digits and white space is a copy', () => {
  const reserved = reserve('Please transfer $200 to my savings account!');
  assert.equal(reserved.hasCopyOf('please  transfer 350 to my savings account'), true);
});

test('a text with one word changed among many is a near copy', () => {
  const reserved = reserve(long);
  assert.equal(reserved.hasCopyOf(long.replace('matter c', 'things c')), true);
  assert.equal(reserved.hasCopyOf(`${long} and a few words more`), true);
});

test('a text on the same subject in other words is no copy', () => {
  const reserved = reserve('please transfer money to my savings account', 'what is the weather in paris today');
  assert.equal(reserved.hasCopyOf('move some cash over into savings for me'), false);
  assert.equal(reserved.hasCopyOf('what is the weather in berlin tomorrow'), false);
  assert.equal(reserved.hasCopyOf(long), false);
});

test('short and empty texts are compared, not passed over', () => {
  const reserved = reserve('hi', '');
  assert.equal(reserved.hasCopyOf('Hi!'), true);
  assert.equal(reserved.hasCopyOf('ho'), false);
  assert.equal(reserved.hasCopyOf('   '), true);
});

test('texts of digits and signs alone are told apart', () => {
  const reserved = reserve('1234 + 5678', '...');
  assert.equal(reserved.hasCopyOf(' 1234 + 5678 '), true);
  assert.equal(reserved.hasCopyOf('99 * 3'), false);
});

test('a copy leads to the first text it is a copy of, and a new text is added', () => {
  const texts = new KnownTexts();
  assert.equal(texts.copyOrAdd('where is my parcel'), undefined);
  assert.equal(texts.copyOrAdd('cancel my order'), undefined);
  assert.equal(texts.copyOrAdd('Cancel my order!'), 1);
  assert.equal(texts.copyOrAdd('where is  my parcel?'), 0);
});
