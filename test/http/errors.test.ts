import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { errorCatalogue, RelearnError } from '../../src/errors.ts';
import { describeError } from '../../src/http/errors.ts';

test('docs/errors.md lists the catalogue, no more and no less', async () => {
  const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^\| `(\w+)` *\| (\d+) *\| `(\w+)` *\| (.+?) *\| (.+?) *\|$/gm)].map(
    ([, code, status, type]) => [code, { status: Number(status), type }],
  );
  assert.deepEqual(Object.fromEntries(listed), errorCatalogue);
});

test('an error that is not ours says nothing of itself', () => {
  const described = describeError(new Error('could not parse "my secret"'));
  assert.equal(described.code, 'internal_error');
  assert.doesNotMatch(described.message, /secret/);
});

test('an error of ours passes unchanged', () => {
  const error = new RelearnError('incident_not_found', 'No such incident.');
  assert.equal(describeError(error), error);
});
