import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approveWords, promoteWords, rejectWords, rollBackWords } from '../../src/promote/decision-words.ts';

const facts = { model: 'mail', version: 'v2', champion: 'v1', canary: null };

test('without a rollout a version takes all traffic at once, and the way back is named', () => {
  assert.deepEqual(approveWords(facts), [
    'v2 gets its signed certificate.',
    'Within a second every gateway of mail answers with v2 in place of v1.',
    'A rollback lets v1 serve again, within seconds.',
  ]);
  assert.deepEqual(approveWords({ ...facts, champion: null }).length, 2);
});

test('with a rollout the steps are named, and who takes it back', () => {
  const words = approveWords({ ...facts, canary: { shares: [0.05, 0.25], step_minutes: 30 } }).join(' ');
  assert.match(
    words,
    /lets v2 answer 5 %, 25 % of the requests, each for 30 min, then all of them; v1 answers the rest/,
  );
  assert.match(words, /if v2 does worse than v1, it is taken back by itself/);
});

test('a promotion says when the certificate compared with another champion', () => {
  assert.match(promoteWords(facts, 'v0').join(' '), /compared it with v0, not with v1, which serves now/);
  assert.doesNotMatch(promoteWords(facts, 'v1').join(' '), /compared/);
});

test('a rejection and a rollback say which version serves then, and that the data is not tried again', () => {
  assert.match(rejectWords(facts, 3).join(' '), /^v1 goes on serving mail; run 3 ends as rejected\..*not tried again/);
  const back = { from: 'v2', to: 'v1' };
  assert.match(
    rollBackWords('mail', back, false).join(' '),
    /answers with v1 again, which served before v2\..*not tried again/,
  );
  assert.match(
    rollBackWords('mail', back, true)[0] ?? '',
    /v2 leaves the traffic.* all requests with v1, the champion/,
  );
});
