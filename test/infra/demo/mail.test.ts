import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { z } from 'zod';
import { mailGroups, splitMail, type MailGroup } from '../../../infra/demo/mail-split.ts';
import { prepareMailStory } from '../../../infra/demo/mail.ts';
import { readJsonl } from '../../../src/jsonl.ts';

const words = ['ledger', 'harbour', 'violin', 'garden', 'engine', 'copper', 'winter', 'market', 'signal', 'teapot'];

/** Differs in words, not only in digits. */
const bodyOf = (index: number) => Array.from(String(index), (digit) => words[Number(digit)]).join(' ');
const nameOf = (group: string) => group.replace('-1', ' one').replace('-2', ' two');
const mailOf = (group: string, index: number) =>
  `Subject: ${nameOf(group)}\n\n${bodyOf(index)} of ${group.slice(0, -2)}\n`;

async function withCorpus(work: (corpus: string, output: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-mail-'));
  try {
    for (const group of mailGroups) {
      await mkdir(join(folder, 'corpus', group), { recursive: true });
      await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          writeFile(join(folder, 'corpus', group, `${index}.txt`), mailOf(group, index)),
        ),
      );
    }
    await work(join(folder, 'corpus'), join(folder, 'output'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const files = [
  ...['base-train', 'gold', 'eval', 'traffic-healthy', 'traffic-drifted'],
  ...mailGroups.map((group) => `test-${group}`),
];

async function readPrompts(folder: string, file: string): Promise<string[]> {
  const prompts: string[] = [];
  for await (const { prompt } of readJsonl(join(folder, `${file}.jsonl`), z.object({ prompt: z.string() }))) {
    prompts.push(prompt);
  }
  return prompts;
}

test('every mail is in exactly one file of the demo', async () => {
  await withCorpus(async (corpus, output) => {
    await prepareMailStory(corpus, output);
    const all = (await Promise.all(files.map((file) => readPrompts(output, file)))).flat();
    assert.equal(all.length, 60 * mailGroups.length);
    assert.equal(new Set(all).size, all.length);
  });
});

test('the same corpus gives the same files, in the same order', async () => {
  await withCorpus(async (corpus, output) => {
    await prepareMailStory(corpus, output);
    await prepareMailStory(corpus, `${output}-again`);
    for (const file of files) {
      assert.equal(
        await readFile(join(output, `${file}.jsonl`), 'utf8'),
        await readFile(join(`${output}-again`, `${file}.jsonl`), 'utf8'),
      );
    }
  });
});

test('a text that comes again, in other case or with other numbers, is dropped', async () => {
  await withCorpus(async (corpus, output) => {
    await writeFile(join(corpus, 'spam-2', 'again.txt'), `Subject: EASY HAM ONE (2)\n\n${bodyOf(7)} of easy-ham!\n`);
    const { groups, drifted } = await prepareMailStory(corpus, output);
    const ofSpam2 = groups.find(({ name }) => name === 'spam-2')?.rows.length ?? 0;
    const prompts = drifted.filter(({ prompt }) => prompt.startsWith('spam two'));
    assert.equal(ofSpam2 + prompts.length, 60);
  });
});

test('the base set knows easy-ham-1 and spam-1 only, and the drifted traffic hard-ham-1 and spam-2 only', async () => {
  await withCorpus(async (corpus, output) => {
    const story = await prepareMailStory(corpus, output);
    const groupsOf = (prompts: string[]) => [...new Set(prompts.map((prompt) => prompt.split('\n')[0]))].sort();
    assert.deepEqual(groupsOf(await readPrompts(output, 'base-train')), ['easy-ham one', 'spam one']);
    assert.deepEqual(groupsOf(story.drifted.map(({ prompt }) => prompt)), ['hard-ham one', 'spam two']);
    assert.deepEqual(groupsOf(story.healthy.map(({ prompt }) => prompt)), ['easy-ham one', 'easy-ham two', 'spam one']);
    for (const { prompt, truth } of [...story.healthy, ...story.drifted]) {
      assert.equal(truth, prompt.startsWith('spam') ? 'spam' : 'ham');
    }
  });
});

test('a mail keeps its place whatever else the corpus holds', () => {
  const place = (group: MailGroup, text: string) => splitMail(group, Buffer.from(text));
  assert.deepEqual(place('easy-ham-1', 'one'), { part: 'healthy', order: '3540bb803c020b3a' });
  assert.deepEqual(place('spam-2', 'one'), { part: 'test', order: '3540bb803c020b3a' });
});

test('a corpus without one of its folders is an error that names it', async () => {
  await withCorpus(async (corpus, output) => {
    await rm(join(corpus, 'hard-ham-1'), { recursive: true });
    await assert.rejects(prepareMailStory(corpus, output), { code: 'invalid_arguments', message: /hard-ham-1/ });
  });
});
