import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configJsonSchema } from '../../infra/config-problems.ts';

test('the shipped JSON Schema is that of the configuration (else: node dist/infra/write-schema.js, npm run format)', async () => {
  const shipped: unknown = JSON.parse(await readFile('relearn.schema.json', 'utf8'));
  assert.deepEqual(shipped, JSON.parse(JSON.stringify(configJsonSchema())));
});
