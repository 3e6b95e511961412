import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileStart, readPrompts, type BatchPrompt } from '../../src/serve/prompt-file.ts';

let path = '';
before(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'relearn-prompts-')), 'batch.jsonl');
});
after(() => rm(join(path, '..'), { recursive: true }));

async function readAll(from = fileStart): Promise<BatchPrompt[]> {
  const prompts: BatchPrompt[] = [];
  for await (const { prompt } of readPrompts(path, from)) prompts.push(prompt);
  return prompts;
}

test('a batch holds prompts, conversations and request ids; what has no id has its line number', async () => {
  const lines = ['{"prompt":"snow"}', '', '{"id":"b","messages":[{"role":"system","content":"sort"}]}\r'];
  await writeFile(path, [...lines, '{"request_id":"chatcmpl-1","id":7}'].join('\n'));
  assert.deepEqual(await readAll(), [
    { id: 1, asked: [{ role: 'user', content: 'snow' }] },
    { id: 'b', asked: [{ role: 'system', content: 'sort' }] },
    { id: 7, asked: 'chatcmpl-1' },
  ]);
});

test('reading goes on at any line as if it had not stopped, whatever the lengths of lines and characters', async () => {
  const lines = Array.from({ length: 300 }, (_, index) => JSON.stringify({ prompt: 'é雪🌧'.repeat(1 + (index % 120)) }));
  await writeFile(path, `${lines.join('\n')}\n`);
  const whole = await readAll();
  assert.equal(whole.length, 300);
  let seen = 0;
  for await (const { next } of readPrompts(path, fileStart)) {
    seen += 1;
    if (seen % 29 === 0) assert.deepEqual(await readAll(next), whole.slice(seen));
  }
});

test('a broken line is named by file and line, without its text', async () => {
  for (const broken of ['{"prompt":" "}', '{"messages":[]}', '["x7q"]', '{"x7q":', '{"prompt":1,"x":"x7q"}']) {
    await writeFile(path, `{"prompt":"snow"}\n\n${broken}\n`);
    await assert.rejects(readAll(), (error: Error) => {
      assert.match(error.message, /batch\.jsonl:3: /);
      assert.doesNotMatch(error.message, /x7q/);
      return true;
    });
  }
});

test('a file that is not there is an error that names it', async () => {
  path = join(path, '..', 'none.jsonl');
  await assert.rejects(readAll(), /Cannot read .*none\.jsonl \(ENOENT\)/);
});
