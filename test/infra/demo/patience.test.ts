import assert from 'node:assert/strict';
import test from 'node:test';
import { StoryEnded, waitFor } from '../../../infra/demo/patience.ts';

const wait = { what: 'the worker', everyMs: 1, signal: new AbortController().signal };

test('a wait outlasts failures, as while a killed worker comes back', async () => {
  let asked = 0;
  const answer = await waitFor({ ...wait, timeoutMs: 60_000 }, async () => {
    asked += 1;
    if (asked === 1) throw new Error('connection refused');
    return asked === 2 ? undefined : 'here';
  });
  assert.equal(answer, 'here');
});

test('a wait that takes too long says what for, and the last problem', async () => {
  const failing = waitFor({ ...wait, timeoutMs: 0 }, () => Promise.reject(new Error('connection refused')));
  await assert.rejects(failing, { code: 'stack_failed', message: /for the worker.*connection refused/ });
});

test('a story that has ended is not waited for', async () => {
  const ended = waitFor({ ...wait, timeoutMs: 60_000 }, () => Promise.reject(new StoryEnded('refused by its gates')));
  await assert.rejects(ended, { message: 'refused by its gates' });
});
