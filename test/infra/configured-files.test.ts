import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeExample } from '../../infra/cli/init.ts';
import { readConfigFile } from '../../infra/config-file.ts';
import { startStack } from '../../infra/up.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-files-'));
const config = join(folder, 'relearn.yaml');
after(() => rm(folder, { recursive: true }));

test('what `relearn init` writes is a configuration, and is never written over', async () => {
  await writeExample(folder);
  assert.deepEqual(Object.keys((await readConfigFile(config)).models), ['support']);
  await assert.rejects(writeExample(folder), { code: 'invalid_arguments', message: /is there already/ });
});

test('a gold set with a broken line stops the stack before anything starts, and names the line', async () => {
  await appendFile(join(folder, 'data/gold.jsonl'), '{"prompt":"no completion"}\n');
  await assert.rejects(startStack({ config }), { code: 'invalid_rows', message: /gold\.jsonl:13: completion/ });
});
