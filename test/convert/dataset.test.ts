import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ReservedTexts } from '../../src/convert/copies.ts';
import { buildDataset } from '../../src/convert/dataset.ts';
import { countNewRows } from '../../src/convert/rows.ts';
import { splitOf } from '../../src/convert/split.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
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
) {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1)
    ids.push(await insertRow(database.db, { model, prompt: prompt(index) }));
  await storeCorrections(
    database.db,
    ids.map((requestId) => ({ requestId, completion: 'label', operator: 'ann', source: 'api' as const })),
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

async function build(model: string, { run = 1, reserved = new ReservedTexts(), cutoffSeq = 1_000_000 } = {}) {
  const taggedBefore = new Date(Date.now() + 60_000);
  return buildDataset(database.db, { model, run, cutoffSeq, taggedBefore, directory, reserved });
}

async function readLines(path: string): Promise<{ messages: { role: string; content: string }[] }[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { messages: { role: string; content: string }[] });
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
  const reserved = new ReservedTexts();
  reserved.add('where is my parcel');
  const { manifest } = await build('clean', { reserved });
  assert.equal(manifest.contaminated, 2);
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
  await addCorrected('copies', held.length, (index) => (held[index] ?? '').replace(/^\w{3}/, 'zzz'));
  const { path, manifest } = await build('copies');
  const train = (await readLines(join(path, 'train.jsonl'))).map(({ messages }) => messages[0]?.content.toLowerCase());
  assert.equal(manifest.heldOutRows, 3 * held.length);
  assert.equal(manifest.contaminated, held.length);
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
