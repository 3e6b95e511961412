import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { KnownTexts } from '../../src/convert/copies.ts';
import { buildDataset, identifyDataset } from '../../src/convert/dataset.ts';
import { manifestSchema } from '../../src/convert/manifest.ts';
import { withDatasetsLocked } from '../../src/convert/dataset-lock.ts';
import { findDatasetsOfUser, latestRevision, reviseDataset, reviseDatasets } from '../../src/convert/revise.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { beginErasure, deleteUserRows, findUserRows, finishErasure } from '../../src/log/erase-rows.ts';
import { insertRow } from '../rows.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { until } from '../until.ts';

let database: TestDatabase;
let db: Database;
let directory: string;
before(async () => {
  database = await createTestDatabase();
  db = database.db;
  directory = await mkdtemp(join(tmpdir(), 'relearn-revise-'));
  await db.query(`insert into relearn.models (name) values ('m')`);
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

async function ask(user: string, prompts: readonly string[], completion = 'label'): Promise<string[]> {
  const ids: string[] = [];
  for (const prompt of prompts) ids.push(await insertRow(db, { prompt }));
  await db.query(`update relearn.samples set user_id_hash = $1 where request_id = any($2)`, [user, ids]);
  await storeCorrections(
    db,
    ids.map((requestId) => ({ requestId, completion, operator: 'ann', source: 'api' as const })),
  );
  return ids;
}

const build = () =>
  buildDataset(db, {
    ...{ model: 'm', run: 1, triggers: ['manual'], cutoffSeq: 1_000_000, directory, reserved: new KnownTexts() },
    ...{ taggedBefore: new Date(Date.now() + 60_000), preferences: ['openai', 'trl'] as const },
  });

async function beginToErase(user: string): Promise<string[]> {
  await beginErasure(db, user, 'ann');
  await findUserRows(db, user);
  return datasetsOf(user);
}

const datasetsOf = (user: string) => findDatasetsOfUser(db, { userIdHash: user, directory });
const reviseAll = (user: string) => reviseDatasets(db, { userIdHash: user, directory });

async function endErasure(user: string): Promise<void> {
  await deleteUserRows(db, user);
  const nothing = { requests: 0, deleted: {}, datasets: [], tainted: [], deletedRuns: 0, retrains: [] };
  await finishErasure(db, user, nothing);
}

/** Files of all datasets by their paths. */
async function readFiles(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const path of (await readdir(directory, { recursive: true })).sort()) {
    if (path.includes('.')) files[path] = await readFile(join(directory, path), 'utf8');
  }
  return files;
}

async function readTables(): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const name of ['datasets', 'dataset_rows', 'corrections', 'tags', 'samples', 'pins']) {
    tables[name] = await db.query(`select t::text as row from relearn.${name} t order by 1`);
  }
  return tables;
}

const prompts = ['where is my parcel', 'how do I pay', 'please close the account', 'the app does not start'];

test('a dataset in which an erased user only repeated others stays, and forgets their ids', async () => {
  await ask('kept', prompts);
  const copies = await ask('gone', ['Where is my parcel?', 'how do I  pay?']);
  const loser = (await ask('gone', ['where is my parcel'], 'another label'))[0] ?? '';
  const { id, path } = await build();
  const built = await readFiles();
  assert.ok((built[`${id}/dropped.jsonl`] ?? '').includes(copies[0] ?? '-'));

  assert.deepEqual(await beginToErase('gone'), [id]);
  const revise = () => reviseDataset(db, { id, userIdHash: 'gone', directory });
  // A worker that died after it had moved the files, and before it had said so.
  const [stored] = await db.query<{ manifest: unknown }>(`select manifest from relearn.datasets where id = $1`, [id]);
  const rows = await db.query(`select * from relearn.dataset_rows where dataset = $1`, [id]);
  assert.equal(await revise(), null);
  await db.query(`update relearn.datasets set manifest = $2 where id = $1`, [id, stored?.manifest]);
  await db.query(
    `insert into relearn.dataset_rows select * from jsonb_populate_recordset(null::relearn.dataset_rows, $1)
     on conflict do nothing`,
    [JSON.stringify(rows)],
  );
  assert.deepEqual(await datasetsOf('gone'), [id]);
  assert.equal(await revise(), null);
  assert.deepEqual(await datasetsOf('gone'), []);
  await endErasure('gone');

  const [files, tables] = [await readFiles(), await readTables()];
  for (const requestId of [...copies, loser]) {
    assert.ok(!JSON.stringify([files, tables]).includes(requestId), 'an erased request is named');
  }
  for (const name of ['train', 'held-out', 'preferences.openai', 'preferences.trl']) {
    assert.equal(files[`${id}/${name}.jsonl`], built[`${id}/${name}.jsonl`]);
  }
  assert.deepEqual(Object.keys(files), Object.keys(built));
  assert.equal(await latestRevision(db, id), id);
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')));
  assert.equal(identifyDataset(manifest), id);
  assert.equal(manifest.revises, undefined);
  assert.deepEqual(manifest.dropped, { duplicate: 0, conflict: 0, contaminated: 0 });
  assert.deepEqual(await db.query(`select manifest, revised_by, erased_at from relearn.datasets where id = $1`, [id]), [
    { manifest, revised_by: null, erased_at: null },
  ]);

  assert.deepEqual(await beginToErase('gone'), []);
  await endErasure('gone');
  assert.deepEqual([await readFiles(), await readTables()], [files, tables]);
  assert.equal((await build()).id, id);
});

test('a row that was dropped for an erased one no longer names it', async () => {
  await ask('third', ['what does a second card cost']); // or the revision would be the dataset of the test before
  const [first = ''] = await ask('first', ['I lost my card']);
  const [second = ''] = await ask('second', ['I lost my card!']);
  const { id } = await build();
  assert.deepEqual(await beginToErase('first'), [id]);
  const revised = await reviseDataset(db, { id, userIdHash: 'first', directory });
  assert.ok(revised !== null && revised.revision !== id);
  await endErasure('first');
  const files = JSON.stringify(await readFiles());
  assert.ok(!files.includes(first));
  assert.ok(files.includes(second));
});

test('two erasures at once leave no row of either, though each makes a revision of the same dataset', async () => {
  const left = await ask('one', ['the card is blocked since monday', 'which branch opens on sunday']);
  const right = await ask('other', ['change my address please', 'is there a fee for cash abroad']);
  const { id } = await build();
  assert.deepEqual(await beginToErase('one'), [id]);
  assert.deepEqual(await beginToErase('other'), [id]);
  const [ones, others] = await Promise.all([reviseAll('one'), reviseAll('other')]);
  await endErasure('one');
  await endErasure('other');
  const files = JSON.stringify(await readFiles());
  for (const requestId of [...left, ...right]) assert.ok(!files.includes(requestId), 'an erased row is back');
  const latest = await latestRevision(db, id);
  assert.ok([...ones, ...others].some(({ revision }) => revision === latest));
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name === id || name === latest),
    [latest],
  );
});

test('a row that was left out as a conflict is forgotten too, though nothing was learned from it', async () => {
  const question = ['why was I charged twice'];
  await ask('kept', question);
  await ask('kept', question);
  const [loser = ''] = await ask('lost', question, 'another label');
  const { id } = await build();
  assert.match((await readFiles())[`${id}/dropped.jsonl`] ?? '', new RegExp(`${loser}.*conflict`));
  await beginErasure(db, 'lost', 'ann');
  await findUserRows(db, 'lost');
  assert.deepEqual(await reviseAll('lost'), []);
  await endErasure('lost');
  assert.ok(!JSON.stringify(await readFiles()).includes(loser));
  assert.equal(await latestRevision(db, id), id);
});

test('a dataset that was revised, and is made again of what others say, is learned from again', async () => {
  const question = ['my new card has not come'];
  await ask('early', question);
  const { id } = await build();
  await beginToErase('early');
  const [revision] = await reviseAll('early');
  await endErasure('early');
  assert.equal(await latestRevision(db, id), revision?.revision);

  const [again = ''] = await ask('later', question);
  const rebuilt = await build();
  assert.equal(rebuilt.id, id);
  assert.equal(await latestRevision(db, id), id);
  assert.ok((await readFile(join(rebuilt.path, 'rows.jsonl'), 'utf8')).includes(again));
  const [stored] = await db.query(`select manifest, erased_at from relearn.datasets where id = $1`, [id]);
  assert.deepEqual(stored, { manifest: rebuilt.manifest, erased_at: null });

  await beginToErase('later');
  assert.deepEqual(await reviseAll('later'), [revision]);
  await endErasure('later');
  assert.ok(!JSON.stringify(await readFiles()).includes(again));
});

test('a build that had read rows before they were erased makes its dataset without them', async () => {
  const mine = await ask('quick', ['do you have a branch in town']);
  const drafts = async () => (await readdir(directory)).filter((name) => name.startsWith('draft-'));
  assert.deepEqual(await drafts(), []);
  const building = await withDatasetsLocked(db, async () => {
    const built = build();
    await until('it has read and written them', async () =>
      Object.entries(await readFiles()).some(
        ([path, text]) => /^draft-.*rows/.test(path) && text.includes(mine[0] ?? ''),
      ),
    );
    assert.deepEqual(await beginToErase('quick'), []);
    await endErasure('quick');
    return { built };
  });
  const { id } = await building.built;
  assert.equal(await latestRevision(db, id), id);
  assert.ok(!JSON.stringify([await readFiles(), await readTables()]).includes(mine[0] ?? '-'));
  assert.deepEqual(await drafts(), []);
});

test('a dataset whose build was killed before it had moved its files stops no erasure', async () => {
  await ask('halfway', ['how long does a transfer take']);
  const { id, path } = await build();
  await rm(path, { recursive: true });
  await beginToErase('halfway');
  await assert.rejects(reviseAll('halfway'), { code: 'ENOENT' }, 'files of a finished one may lie elsewhere');
  await db.query(`update relearn.datasets set path = '' where id = $1`, [id]);
  assert.ok((await reviseAll('halfway')).some((revision) => revision.id === id));
  await endErasure('halfway');
});

test('preferences of the same question with other tools stay when one of them is erased', async () => {
  const question = 'is it going to rain tomorrow';
  const ids = {
    dora: (await ask('dora', [question], 'rain'))[0] ?? '',
    emil: (await ask('emil', [question], 'sun'))[0] ?? '',
  };
  for (const [user, id] of Object.entries(ids)) {
    const tools = JSON.stringify({ tools: [{ type: 'function', function: { name: `tool_of_${user}` } }] });
    await db.query(`update relearn.samples set tools = $2 where request_id = $1`, [id, tools]);
  }
  const { id } = await build();
  assert.deepEqual(await beginToErase('dora'), [id]);
  const revised = await reviseDataset(db, { id, userIdHash: 'dora', directory });
  await endErasure('dora');
  const files = await readFiles();
  for (const name of ['train', 'preferences.openai', 'preferences.trl']) {
    const left = files[`${revised?.revision ?? ''}/${name}.jsonl`] ?? '';
    assert.ok(left.includes('tool_of_emil') && !left.includes('tool_of_dora'), name);
  }
});
