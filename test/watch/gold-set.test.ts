import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RelearnError } from '../../src/errors.ts';
import { readGoldSet, scoreGoldRun } from '../../src/watch/gold-set.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-gold-'));
});
after(() => rm(folder, { recursive: true }));

async function file(...lines: string[]): Promise<string> {
  const path = join(folder, 'gold.jsonl');
  await writeFile(path, lines.join('\n'));
  return path;
}

test('a gold set is read with an id for each prompt and the digest of its file', async () => {
  const text = '{"prompt":"is this mail wanted","completion":"ham","slice":"easy"}';
  const gold = await readGoldSet(await file(text));
  assert.equal(gold.sha256, createHash('sha256').update(text).digest('hex'));
  const id = createHash('sha256').update('is this mail wanted').digest('hex').slice(0, 12);
  assert.deepEqual(gold.cases, [{ id, prompt: 'is this mail wanted', completion: 'ham' }]);
});

test('a broken line is an error that names file and line, and not its text', async () => {
  const path = await file('{"prompt":"a","completion":"b"}', '', '{"prompt":"secret","completion":7}');
  await assert.rejects(readGoldSet(path), (error: unknown) => {
    assert.ok(error instanceof RelearnError);
    assert.equal(error.code, 'invalid_rows');
    assert.match(error.message, /gold\.jsonl:3: completion/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

test('one prompt with two different completions is an error, a repeated case is one case', async () => {
  const case1 = '{"prompt":"a","completion":"b"}';
  assert.equal((await readGoldSet(await file(case1, case1))).cases.length, 1);
  await assert.rejects(readGoldSet(await file(case1, '{"prompt":"a","completion":"c"}')), { code: 'invalid_rows' });
});

test('a case passes when the answer equals the completion without the white space around them', () => {
  const cases = ['ham', ' spam', 'ham', 'ham'].map((completion, n) => ({ id: `c${n}`, prompt: `${n}`, completion }));
  const score = scoreGoldRun(cases, ['ham\n', 'spam', 'Ham', null]);
  assert.deepEqual(score, { passed: 2, failedCases: ['c2', 'c3'] });
});

test('answers that do not match the cases one to one are refused', () => {
  assert.throws(() => scoreGoldRun([{ id: 'a', prompt: 'a', completion: 'b' }], []), RangeError);
});
