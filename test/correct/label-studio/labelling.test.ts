import assert from 'node:assert/strict';
import { test } from 'node:test';
import { annotationSchema, readAnnotation } from '../../../src/correct/label-studio/annotations.ts';
import { addLabels, buildLabelling } from '../../../src/correct/label-studio/labelling.ts';

const annotation = (result: unknown[], more: object = {}) =>
  annotationSchema.parse({ id: 1, updated_at: '2026-11-21T08:44:51.572841Z', result, ...more });
const chosen = { from_name: 'completion', to_name: 'prompt', type: 'choices', value: { choices: ['spam'] } };
const typed = (text: string | string[]) => ({
  from_name: 'other',
  to_name: 'prompt',
  type: 'textarea',
  value: { text },
});

test('what was typed counts before what was chosen; nothing said is null', () => {
  assert.equal(readAnnotation(annotation([chosen])), 'spam');
  assert.equal(readAnnotation(annotation([chosen, typed(['a new', 'label'])])), 'a new\nlabel');
  assert.equal(readAnnotation(annotation([chosen, typed([' '])])), 'spam');
  assert.equal(readAnnotation(annotation([{ type: 'rating', value: { rating: 3 } }, 'nonsense'])), null);
  assert.equal(readAnnotation(annotation([chosen], { was_cancelled: true })), null);
});

test('a classifier offers its labels, whatever they hold, and those that come up later', () => {
  const labels = ['ham', 'a & b', '<"quoted">'];
  const config = buildLabelling(labels);
  assert.match(config, /<Choice value="a &amp; b"\/>/);
  assert.equal(addLabels(config, labels), null);
  const more = addLabels(config, [...labels, 'new']);
  assert.match(more ?? '', /<Choice value="&lt;&quot;quoted&quot;&gt;"\/>\s+<Choice value="new"\/>/);
});

test('a model that writes text has its answer to be mended', () => {
  assert.match(buildLabelling(null), /<TextArea name="completion" toName="prompt" value="\$response"/);
  assert.equal(addLabels(buildLabelling(null), null), null);
});
