import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedRequestId, newRequestId, requestTime } from '../../src/log/request-id.ts';

test('a request id is a chat completion id that holds its time', () => {
  const at = new Date('2026-03-04T05:06:07.089Z');
  const id = newRequestId(at);
  assert.match(id, /^chatcmpl-[0-9a-f-]{36}$/);
  assert.deepEqual(requestTime(id), at);
});

test('ids of one millisecond differ', () => {
  const at = new Date();
  assert.equal(new Set(Array.from({ length: 1000 }, () => newRequestId(at))).size, 1000);
});

test('an id that others made holds no time', () => {
  assert.equal(requestTime('chatcmpl-9f6b2c1e-1f7e-4c9a-8d43-6f0e0d1c2b3a'), null);
  assert.equal(requestTime('request 1'), null);
});

test('ids of one millisecond differ, more of them than random bytes are asked for at once', () => {
  const at = new Date();
  assert.equal(new Set(Array.from({ length: 5000 }, () => newRequestId(at))).size, 5000);
});

test('a named id is the same for the same time and name, and another for another', () => {
  const at = new Date('2026-03-01T10:00:00.123Z');
  assert.equal(namedRequestId(at, 'batch 0 7'), namedRequestId(at, 'batch 0 7'));
  assert.notEqual(namedRequestId(at, 'batch 0 7'), namedRequestId(at, 'batch 0 8'));
  assert.deepEqual(requestTime(namedRequestId(at, 'batch 0 7')), at);
});
