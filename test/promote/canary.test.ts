import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCanary, type ArmCount, type CanaryInput } from '../../src/promote/canary.ts';
import { seededRandom } from '../watch/random.ts';

const quiet: ArmCount = { rows: 1000, users: 500, hits: 10, spread: 10 };
const even = { champion: quiet, challenger: quiet };
const calm: CanaryInput = {
  share: 0.25,
  rows: { champion: 3000, challenger: 1000 },
  lowConfidence: even,
  negative: even,
  maxLowConfidenceIncrease: 0.05,
  maxNegativeIncrease: 0.02,
  gold: { gained: 2, lost: 2, cases: 300 },
  maxGoldDrop: 0.01,
};

test('a challenger that does as the champion is fine', () => {
  assert.equal(judgeCanary(calm).state, 'fine');
  assert.equal(judgeCanary({ ...calm, gold: null }).state, 'fine');
});

test('each of confidence, complaints and gold set alone takes a challenger back, and is named', () => {
  const worse = { champion: quiet, challenger: { rows: 1000, users: 500, hits: 200, spread: 250 } };
  const low = judgeCanary({ ...calm, lowConfidence: worse });
  assert.deepEqual([low.state, low.reason], ['worse', 'low confidence 20.0 % of 1000, champion 1.0 % of 1000']);
  assert.match(judgeCanary({ ...calm, negative: worse }).reason, /^complaints 20\.0 %/);
  const gold = judgeCanary({ ...calm, gold: { gained: 0, lost: 60, cases: 300 } });
  assert.deepEqual([gold.state, gold.reason.slice(0, 18)], ['worse', 'gold set: 60 cases']);
});

test('few users are no reason to go on or back: unknown', () => {
  const few = { champion: quiet, challenger: { rows: 12, users: 12, hits: 12, spread: 0 } };
  assert.equal(judgeCanary({ ...calm, negative: few }).state, 'unknown');
});

test('a challenger that answers nothing of its share is taken back; without traffic nothing is known', () => {
  const none: ArmCount = { rows: 0, users: 0, hits: 0, spread: 0 };
  const silent = { champion: quiet, challenger: none };
  const input = { ...calm, lowConfidence: silent, negative: silent, gold: null };
  assert.equal(judgeCanary({ ...input, rows: { champion: 400, challenger: 0 } }).state, 'worse');
  assert.equal(judgeCanary({ ...input, rows: { champion: 40, challenger: 0 } }).state, 'unknown');
});

/** Requests of users who each have a temper of their own: some complain of nearly everything. */
function drawArm(random: () => number, users: number, rate: number): ArmCount {
  const counts = Array.from({ length: users }, () => {
    const rows = 1 + Math.floor(random() * 20);
    const temper = random() < rate ? 0.9 : 0;
    let hits = 0;
    for (let row = 0; row < rows; row += 1) if (random() < temper) hits += 1;
    return { rows, hits };
  });
  const rows = counts.reduce((sum, user) => sum + user.rows, 0);
  const hits = counts.reduce((sum, user) => sum + user.hits, 0);
  const spread = counts.reduce((sum, user) => sum + (user.hits - (hits / rows) * user.rows) ** 2, 0);
  return { rows, users, hits, spread };
}

test('of 2,000 looks at equally good versions with users of different tempers hardly one says worse', () => {
  const random = seededRandom(7);
  let worse = 0;
  for (let look = 0; look < 2000; look += 1) {
    const negative = { champion: drawArm(random, 400, 0.1), challenger: drawArm(random, 40, 0.1) };
    const input = { ...calm, negative, maxNegativeIncrease: 0, rows: { champion: 4000, challenger: 400 } };
    if (judgeCanary(input).state === 'worse') worse += 1;
  }
  assert.ok(worse <= 8, `${worse} of 2000 looks`);
});
