import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { missingScorers, readPack, readPrompts } from '../../src/gate/pack.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-pack-'));
after(() => rm(folder, { recursive: true }));
const path = join(folder, 'pack.jsonl');

async function write(...rows: (object | string)[]): Promise<string> {
  await writeFile(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return path;
}

test('a case of prompt and completion, of assertions, and of a whole conversation', async () => {
  const messages = [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'hi' },
  ];
  await write(
    { prompt: 'a', completion: 'b', somebody: 'else' },
    { prompt: 'c', assert: [{ type: 'contains', value: 'd' }], slice: 'hard', repeats: 3, threshold: 0.5 },
    { messages, completion: 'hello', assert: [{ type: 'llm-rubric', value: 'friendly' }] },
  );
  const { cases, sha256, fileSha256 } = await readPack(path);
  assert.deepEqual(
    cases.map(({ slice, repeats, threshold, checks }) => [slice, repeats, threshold, checks.length]),
    [
      ['all', 1, undefined, 1],
      ['hard', 3, 0.5, 1],
      ['all', 1, undefined, 2],
    ],
  );
  assert.equal(sha256, fileSha256);
  assert.equal((await readPrompts(path))[2]?.length, 2);
  assert.deepEqual(missingScorers(cases, undefined), ['judge']);
  const judge = { url: 'http://127.0.0.1/v1', model: 'm', timeoutSeconds: 1, retries: 0 };
  assert.deepEqual(missingScorers(cases, { judge }), []);
});

test('a malformed case is refused with file, line and place', async () => {
  const refused: [object | string, RegExp][] = [
    ['{', /pack\.jsonl:3: not JSON/],
    [{ completion: 'b' }, /:3: prompt: wanted either/],
    [{ prompt: 'x', messages: [{ role: 'user', content: 'x' }], completion: 'b' }, /:3: prompt: wanted either/],
    [{ prompt: 'x' }, /:3: completion: wanted a completion, or a list assert/],
    [{ prompt: 'x', assert: [] }, /:3: assert:/],
    [
      {
        prompt: 'x',
        assert: [
          { type: 'contains', value: 'y' },
          { type: 'regex', value: '(' },
        ],
      },
      /:3: assert\.1\.value: not a/,
    ],
    [{ prompt: 'x', completion: 'y', repeats: 0 }, /:3: repeats:/],
    [{ prompt: 'x', completion: 'y', threshold: 2 }, /:3: threshold:/],
  ];
  for (const [row, message] of refused) {
    await write({ prompt: 'first', completion: 'one' }, '', row);
    await assert.rejects(readPack(path), { code: 'invalid_rows', message });
  }
  await assert.rejects(readPack(await write()), { message: /holds no row/ });
});

test('a case that stands twice counts once; a contradiction names both lines', async () => {
  await write({ prompt: 'a', completion: 'b' }, { prompt: 'a', completion: 'b ' }, { prompt: 'c', completion: 'd' });
  assert.equal((await readPack(path)).cases.length, 2);
  await write({ prompt: 'a', completion: 'b' }, { prompt: 'a', completion: 'c' });
  await assert.rejects(readPack(path), { message: /pack\.jsonl:2: .* stands in .*pack\.jsonl:1 already/ });
  await write({ prompt: 'a', completion: 'b' }, { prompt: 'a', completion: 'b', assert: [{ type: 'no-pii' }] });
  await assert.rejects(readPack(path), { code: 'invalid_rows' });
});
