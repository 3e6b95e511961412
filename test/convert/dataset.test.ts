import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { KnownTexts } from '../../src/convert/copies.ts';
import { buildDataset, type DatasetRequest } from '../../src/convert/dataset.ts';
import { countNewRows } from '../../src/convert/rows.ts';
import { splitOf } from '../../src/convert/split.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { removeTags } from '../../src/tag/remove-tags.ts';
import { addTags } from '../../src/tag/tags.ts';
import { insertRow } from '../rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let database: TestDatabase;
let directory: string;
before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'relearn-dataset-'));
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

async function addModel(model: string): Promise<void> {
  await database.db.query(`insert into relearn.models (name) values ($1)`, [model]);
}

async function addCorrected(
  model: string,
  count: number,
  prompt = (index: number) => distinctText(`${model} ${index}`),
  completion = 'label',
) {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1)
    ids.push(await insertRow(database.db, { model, prompt: prompt(index) }));
  await storeCorrections(
    database.db,
    ids.map((requestId) => ({ requestId, completion, operator: 'ann', source: 'api' as const })),
  );
  return ids;
}

/** Words that no other seed shares. */
function distinctText(seed: string): string {
  const letters = createHash('sha256')
    .update(seed)
    .digest('hex')
    .replace(/[0-9]/g, (digit) => 'ghijklmnop'[Number(digit)] ?? '');
  return letters.match(/.{6}/g)?.join(' ') ?? '';
}

async function build(model: string, request: Partial<DatasetRequest> = {}) {
  return buildDataset(database.db, {
    ...{ model, run: 1, triggers: ['manual'], cutoffSeq: 1_000_000, directory, reserved: new KnownTexts() },
    taggedBefore: new Date(Date.now() + 60_000),
    ...request,
  });
}

async function readObjects(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line));
}

const chatPair = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) });

async function readLines(path: string) {
  return z.array(chatPair).parse(await readObjects(path));
}

test('only tagged and corrected rows become chat pairs, a tenth of them held out', async () => {
  await addModel('pairs');
  const corrected = await addCorrected('pairs', 60);
  await insertRow(database.db, { model: 'pairs', prompt: 'nobody corrected this' });
  const { path, manifest } = await build('pairs');
  const train = await readLines(join(path, 'train.jsonl'));
  const heldOut = await readLines(join(path, 'held-out.jsonl'));
  assert.equal(
    train.length,
    corrected.filter((_, index) => splitOf(distinctText(`pairs ${index}`)) === 'train').length,
  );
  assert.ok(heldOut.length > 0);
  assert.equal(train.length + heldOut.length, 60);
  assert.equal(manifest.trainRows, train.length);
  assert.ok(!JSON.stringify([train, heldOut]).includes('nobody corrected this'));
  assert.deepEqual(
    train[0]?.messages.map(({ role }) => role),
    ['user', 'assistant'],
  );
});

test('a conversation is restored to its turns', async () => {
  await addModel('turns');
  const turns = [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'hello' },
  ];
  await addCorrected('turns', 30, (index) =>
    JSON.stringify([...turns, { role: 'user', content: distinctText(`turns ${index}`) }]),
  );
  const { path } = await build('turns');
  const [pair] = await readLines(join(path, 'train.jsonl'));
  assert.deepEqual(
    pair?.messages.map(({ role }) => role),
    ['system', 'user', 'user', 'assistant'],
  );
});

test('gold and eval cases, and near copies of them, stay out and are counted', async () => {
  await addModel('clean');
  await addCorrected('clean', 3, (index) => `${['Where is my', 'where  is MY', 'when came my'][index] ?? ''} parcel?!`);
  const reserved = new KnownTexts();
  reserved.add('where is my parcel');
  const { manifest } = await build('clean', { reserved });
  assert.equal(manifest.dropped.contaminated, 2);
  assert.equal(manifest.trainRows + manifest.heldOutRows, 1);
});

test('nothing held out is trained on under another request id, nor in nearly the same words', async () => {
  await addModel('copies');
  const texts = Array.from({ length: 40 }, (_, index) => distinctText(`copies ${index}`));
  await addCorrected('copies', 120, (index) => {
    const text = texts[index % 40] ?? '';
    return index < 80 ? text.toUpperCase() : `${text}?`;
  });
  const held = texts.filter((text) => splitOf(text) === 'held_out');
  assert.ok(held.length > 0);
  await addCorrected('copies', held.length, (index) => (held[index] ?? '').replace(/^\w{3}/, 'zzz'), 'other');
  const { path, manifest } = await build('copies');
  const train = (await readLines(join(path, 'train.jsonl'))).map(({ messages }) => messages[0]?.content.toLowerCase());
  assert.equal(manifest.heldOutRows, held.length);
  assert.equal(manifest.dropped.duplicate, 80);
  assert.equal(manifest.dropped.contaminated, held.length);
  for (const text of held) assert.ok(!train.some((trained) => trained?.includes(text.slice(3))));
});

test('the same rows give the same dataset, a later correction a new one with one new row', async () => {
  await addModel('same');
  const ids = await addCorrected('same', 20);
  const first = await build('same', { run: 1 });
  const again = await build('same', { run: 2 });
  assert.equal(again.id, first.id);
  const trained = ids.find((_, index) => splitOf(distinctText(`same ${index}`)) === 'train');
  assert.ok(trained !== undefined);
  await storeCorrections(database.db, [{ requestId: trained, completion: 'other', operator: 'bob', source: 'api' }]);
  const later = await build('same', { run: 3 });
  assert.notEqual(later.id, first.id);
  assert.equal(await countNewRows(database.db, later.id, first.id), 1);
  assert.equal(await countNewRows(database.db, first.id, null), first.manifest.trainRows);
});

test('corrections after the cut-off wait for the next run', async () => {
  await addModel('cut');
  await addCorrected('cut', 10);
  const [last] = await database.db.query<{ seq: number }>(`select max(seq) as seq from relearn.corrections`);
  await addCorrected('cut', 10);
  const { manifest } = await build('cut', { cutoffSeq: last?.seq ?? 0 });
  assert.equal(manifest.trainRows + manifest.heldOutRows, 10);
});

test('the manifest says what the dataset is made of, and lists what it left out', async () => {
  await addModel('told');
  const [first] = await addCorrected('told', 1, () => 'where is my parcel');
  const [copy] = await addCorrected('told', 1, () => 'Where is my parcel???');
  const [loser] = await addCorrected('told', 1, () => 'where is  my parcel', 'other');
  await addCorrected('told', 1, () => 'an eval case');
  const reserved = new KnownTexts();
  reserved.add('an eval case');
  const { path, manifest } = await build('told', { reserved, triggers: ['drift', 'cadence'] });
  assert.equal(manifest.trainRows + manifest.heldOutRows, 1);
  assert.deepEqual(manifest.dropped, { duplicate: 1, conflict: 1, contaminated: 1 });
  assert.deepEqual(manifest.tags, { operator_review: 1 });
  assert.deepEqual(manifest.triggers, ['drift', 'cadence']);
  assert.equal(manifest.from, manifest.to);
  const dropped = z
    .array(z.object({ request_id: z.string(), because: z.string(), of: z.string().nullable() }))
    .parse(await readObjects(join(path, 'dropped.jsonl')));
  const reasons = new Map(dropped.map(({ request_id: id, because, of }) => [id, { because, of }]));
  assert.deepEqual(reasons.get(copy ?? ''), { because: 'duplicate', of: first });
  assert.deepEqual(reasons.get(loser ?? ''), { because: 'conflict', of: first });
  assert.deepEqual(JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')), manifest);
  const trained = createHash('sha256').update(await readFile(join(path, 'train.jsonl')));
  assert.equal(manifest.files['train']?.sha256, trained.digest('hex'));
});

test('a duplicate that comes later makes no new dataset', async () => {
  await addModel('again');
  await addCorrected('again', 5);
  const first = await build('again');
  await addCorrected('again', 5, (index) => `${distinctText(`again ${index}`)}!`);
  const later = await build('again', { run: 2 });
  assert.equal(later.manifest.dropped.duplicate, 5);
  assert.equal(later.id, first.id);
});

test('preferences and a replayed share of the base set stand beside the chat pairs', async () => {
  await addModel('formats');
  await addCorrected('formats', 20);
  const base = join(directory, 'base.jsonl');
  const rows = Array.from({ length: 400 }, (_, index) => ({
    prompt: distinctText(`base ${index}`),
    completion: 'old',
  }));
  await writeFile(base, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const reserved = new KnownTexts();
  for (const { prompt } of rows.slice(0, 200)) reserved.add(prompt);
  const { path, manifest } = await build('formats', {
    ...{ preferences: ['openai', 'trl'], replay: { base, perRow: 10 }, reserved },
  });
  const train = await readLines(join(path, 'train.jsonl'));
  const openai = await readObjects(join(path, 'preferences.openai.jsonl'));
  const trl = await readObjects(join(path, 'preferences.trl.jsonl'));
  const [asked, right] = train[0]?.messages ?? [];
  const wrong = { role: 'assistant', content: 'a response' };
  assert.deepEqual(openai[0], {
    input: { messages: [asked] },
    preferred_output: [right],
    non_preferred_output: [wrong],
  });
  assert.deepEqual(trl[0], { prompt: [asked], chosen: [right], rejected: [wrong] });
  assert.equal(openai.length, train.length);
  const replay = await readLines(join(path, 'replay.jsonl'));
  const kept = new Set(rows.slice(200).map(({ prompt }) => prompt));
  assert.ok(replay.every(({ messages }) => kept.has(messages[0]?.content ?? '')));
  assert.ok(replay.length > 50 && replay.length < 150, `${replay.length} rows replayed`);
  assert.equal(manifest.files['replay']?.lines, replay.length);
});

test('what an older redactor left in the log is redacted on the way out, and counted', async () => {
  await addModel('older');
  await addCorrected('older', 10, (index) => `${distinctText(`older ${index}`)} mail ann.${index}@example.com`);
  const { path, manifest } = await build('older');
  assert.equal(manifest.redactedAgain, 10);
  const written = JSON.stringify([
    await readLines(join(path, 'train.jsonl')),
    await readLines(join(path, 'held-out.jsonl')),
  ]);
  assert.ok(written.includes('[EMAIL]') && !written.includes('example.com'));
});

test('a row whose only tag was taken off is not learned; a step that began before that learns what it had', async () => {
  await addModel('untagged');
  const ids = await addCorrected('untagged', 40);
  const [first = '', second = ''] = ids;
  await addTags(database.db, { tag: 'wrong-team', requestIds: [second], source: 'operator' });
  const [{ at } = { at: new Date() }] = await database.db.query<{ at: Date }>(`select clock_timestamp() as at`);
  await removeTags(database.db, { tag: 'operator_review', requestIds: [first, second], actor: 'ann' });
  const count = async (taggedBefore: Date) => {
    const { manifest } = await build('untagged', { taggedBefore });
    return manifest.trainRows + manifest.heldOutRows;
  };
  assert.equal(await count(at), 40);
  assert.equal(await count(new Date(Date.now() + 60_000)), 39, 'the second row has another tag');
});
