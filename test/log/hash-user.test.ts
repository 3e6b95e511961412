import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashUser, keyedFraction } from '../../src/log/hash-user.ts';

test('a user is the first 16 hex digits of HMAC-SHA-256', () => {
  // RFC 4231, test case 2
  assert.equal(hashUser('Jefe', 'what do ya want for nothing?'), '5bdcc146bf60754e');
});

test('another key gives the same user another hash', () => {
  assert.notEqual(hashUser('one', 'ann'), hashUser('two', 'ann'));
});

test('a keyed fraction is the same each time, depends on the key, and lies in [0, 1)', () => {
  assert.equal(keyedFraction('key', 'a'), keyedFraction('key', 'a'));
  assert.notEqual(keyedFraction('key', 'a'), keyedFraction('other', 'a'));
  for (let n = 0; n < 1000; n += 1) {
    const fraction = keyedFraction('key', String(n));
    assert.ok(fraction >= 0 && fraction < 1);
  }
});
