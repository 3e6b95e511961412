import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benignTouched, hardRecall, plainRecall, streetRecall, type Miss } from '../../../bench/redact.ts';
import { heldOut } from '../../../bench/redact-held-out.ts';
import { unseen } from '../../../bench/redact-unseen.ts';
import { formats } from '../../../bench/redact-formats.ts';
import { createRandom } from '../../../bench/redact-random.ts';

const shown = (misses: readonly Miss[]): string =>
  misses
    .slice(0, 5)
    .map(({ text, redacted }) => `${text} -> ${redacted}`)
    .join('\n');

for (const [kind, { recall, misses }] of Object.entries(plainRecall(createRandom(11), 400))) {
  test(`at least 97 % of ${kind} are found in sentences`, () =>
    assert.ok(recall >= 0.97, `${recall}\n${shown(misses)}`));
}

for (const [form, { recall, misses }] of Object.entries(hardRecall(createRandom(12), 60))) {
  test(`at least 95 % of all kinds are found in the form ${form}`, () =>
    assert.ok(recall >= 0.95, `${recall}\n${shown(misses)}`));
}

test('at most 1 % of texts without anything personal are touched', () => {
  const { recall, misses } = benignTouched(createRandom(13), 4000);
  assert.ok(recall <= 0.01, `${recall}\n${shown(misses)}`);
});

test('at least 60 % of English street lines are found', () => {
  const { recall, misses } = streetRecall(createRandom(14), 600);
  assert.ok(recall >= 0.6, `${recall}\n${shown(misses)}`);
});

test('forms that nobody had in mind are found as well', () => {
  const { recall, hard, benign } = heldOut(99);
  const shares = Object.values(recall);
  assert.ok(shares.reduce((sum, share) => sum + share, 0) / shares.length >= 0.97, JSON.stringify(recall));
  assert.ok(hard >= 0.95, String(hard));
  assert.ok(benign <= 0.01, String(benign));
});

test('so are those of a second such set, which has forms, names and contexts of its own', () => {
  const { recall, hard, benign, streets, misses } = unseen(2024, 3);
  const mean = (shares: Record<string, number>) =>
    Object.values(shares).reduce((sum, share) => sum + share, 0) / Object.keys(shares).length;
  const some = misses.slice(0, 5).join('\n');
  assert.ok(mean(recall) >= 0.97, `${JSON.stringify(recall)}\n${some}`);
  assert.ok(mean(hard) >= 0.95, `${JSON.stringify(hard)}\n${some}`);
  assert.ok(benign <= 0.01, `${benign}\n${some}`);
  assert.ok(streets >= 0.6, String(streets));
});

test('so are those of a third such set, which holds them as files, queries and requests do, secrets among them', () => {
  const { recall, contexts, secrets, benign, misses } = formats(77, 2);
  const some = misses.slice(0, 5).join('\n');
  for (const [kind, share] of Object.entries(recall)) assert.ok(share >= 0.97, `${kind} ${share}\n${some}`);
  for (const [room, share] of Object.entries(contexts)) assert.ok(share >= 0.97, `${room} ${share}\n${some}`);
  assert.ok(secrets >= 0.97, `${secrets}\n${some}`);
  assert.ok(benign <= 0.01, `${benign}\n${some}`);
});
