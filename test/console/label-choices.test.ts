import assert from 'node:assert/strict';
import { test } from 'node:test';
import { likelyLabels, matchLabels } from '../../src/console/label-choices.ts';

const many = Array.from({ length: 12 }, (_, n) => `label ${n}`);

test('few labels keep their places on the number keys, whatever was used or suggested last', () => {
  const labels = ['spam', 'ham', 'news'];
  assert.deepEqual(likelyLabels({ labels, suggested: ['spam'], response: 'ham' }), ['ham', 'news', 'spam']);
});

test('of many labels the suggested ones come first, each once, without the model’s own answer and what is no label', () => {
  const likely = likelyLabels({ labels: many, suggested: ['label 11', 'a text', 'label 11'], response: 'label 0' });
  assert.deepEqual(likely, ['label 11', ...many.slice(1, 9)]);
});

test('labels are found by their beginning, then by that of a word, then by any part', () => {
  const labels = ['restart_card', 'card_lost', 'discard', 'art', 'loan'];
  assert.deepEqual(matchLabels(labels, 'CARD'), ['card_lost', 'restart_card', 'discard']);
  assert.deepEqual(matchLabels(labels, 'art'), ['art', 'restart_card']);
});
