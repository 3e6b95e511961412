import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openArtifactDirectory, type ArtifactStore } from '../../src/promote/artifacts.ts';
import { followChampions, type ChampionLogger } from '../../src/serve/champions.ts';
import { openVersions } from '../../src/serve/versions.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { addVersion, keepLines, onnxConfig, setChampion, silentLogger, versionEcho } from './fixtures.ts';

let database: TestDatabase;
let directory: string;
let artifacts: ArtifactStore;

before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'relearn-champions-'));
  artifacts = openArtifactDirectory(join(directory, 'artifacts'));
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  await database.db.query(`truncate relearn.models, relearn.incidents cascade`);
});

/** Refuses the versions named here. */
const uncertified = new Set<string>();
const requireCertificate = ({ version }: { version: string }): Promise<void> =>
  uncertified.has(version) ? Promise.reject(new Error('no good certificate')) : Promise.resolve();

type Echo = ReturnType<typeof versionEcho>;

function follow(logger: ChampionLogger = silentLogger, wait?: () => Promise<void>, models = ['triage']) {
  const loaded = new Map<string, Echo>();
  const champions = followChampions({
    db: database.db,
    artifacts,
    secret: () => undefined,
    requireCertificate,
    models: onnxConfig(models).models,
    async load(path, version) {
      if ((await readFile(path, 'utf8')).startsWith('broken')) throw new Error('not a model');
      const echo = versionEcho(version, wait);
      loaded.set(version, echo);
      return echo.served;
    },
    logger,
    pollMs: 60_000, // the tests look by refresh()
    retryMs: 1,
  });
  return { champions, loaded };
}

const add = (content: string, lowConfidenceBelow: number | null = null) =>
  addVersion(database.db, artifacts, directory, { model: 'triage', content, lowConfidenceBelow });

test('a model without a champion is missing, and is there once one is deployed', async () => {
  const { champions } = follow(silentLogger, undefined, ['triage', 'other']);
  await champions.refresh();
  assert.deepEqual([champions.ready(), champions.missing()], [false, ['triage', 'other']]);
  await setChampion(database.db, 'triage', await add('one'));
  await champions.refresh();
  assert.equal(champions.get('triage')?.version, 'v1');
  assert.deepEqual(champions.missing(), ['other']);
  await champions.close();
});

test('a version without a good certificate is not loaded: the old one keeps serving', async () => {
  const log = keepLines();
  const { champions, loaded } = follow(log);
  await setChampion(database.db, 'triage', await add('one'));
  await champions.refresh();
  const second = await add('two');
  uncertified.add(second);
  await setChampion(database.db, 'triage', second);
  await champions.refresh();
  assert.equal(champions.get('triage')?.version, 'v1');
  assert.equal(loaded.has(second), false, 'not even its file is opened');
  assert.match(log.lines.join(), /no good certificate/);
  uncertified.clear();
  await champions.close();
});

test('a promotion is followed by polling, without being asked', { timeout: 300_000 }, async () => {
  await setChampion(database.db, 'triage', await add('one'));
  const champions = followChampions({
    db: database.db,
    artifacts,
    secret: () => undefined,
    requireCertificate,
    models: onnxConfig(['triage']).models,
    load: async (_path, version) => versionEcho(version).served,
    logger: silentLogger,
    pollMs: 5,
  });
  while (!champions.ready()) await turn();
  await setChampion(database.db, 'triage', await add('two'));
  while (champions.get('triage')?.version !== 'v2') await turn();
  await champions.close();
});

test(
  'the switch under load fails no request, mixes no versions and frees the old one after its last answer',
  { timeout: 300_000 },
  async () => {
    const { champions, loaded } = follow(silentLogger, async () => {
      for (let turns = 0; turns < 3; turns += 1) await turn();
    });
    await setChampion(database.db, 'triage', await add('one'));
    await champions.refresh();

    const seen = new Map<string, number>();
    let stop = false;
    async function askForever(): Promise<void> {
      while (!stop) {
        const serving = champions.get('triage');
        assert.ok(serving);
        const [answer] = await serving.use((served) => served.answer([[{ role: 'user', content: 'hello' }]]));
        assert.equal(answer?.text, serving.version);
        seen.set(serving.version, (seen.get(serving.version) ?? 0) + 1);
      }
    }
    const askers = Array.from({ length: 32 }, askForever);
    for (let switches = 2; switches <= 6; switches += 1) {
      await setChampion(database.db, 'triage', await add(`content ${switches}`));
      await champions.refresh();
      while ((seen.get(`v${switches}`) ?? 0) < 100) await turn();
    }
    stop = true;
    await Promise.all(askers);
    await champions.close();
    assert.deepEqual([...seen.keys()].sort(), ['v1', 'v2', 'v3', 'v4', 'v5', 'v6']);
    assert.ok([...loaded.values()].every((echo) => echo.isClosed()));
  },
);

test('a replaced version stays loaded while an answer is under way', async () => {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { champions, loaded } = follow(silentLogger, () => finished);
  await setChampion(database.db, 'triage', await add('one'));
  await champions.refresh();
  const answering = champions.get('triage')?.use((served) => served.answer([[{ role: 'user', content: 'hello' }]]));
  await setChampion(database.db, 'triage', await add('two'));
  await champions.refresh();
  assert.equal(champions.get('triage')?.version, 'v2');
  assert.equal(loaded.get('v1')?.isClosed(), false);
  finish();
  assert.equal((await answering)?.[0]?.text, 'v1');
  await champions.close();
  assert.equal(loaded.get('v1')?.isClosed(), true);
});

test(
  'a champion that does not load leaves the old one serving, is logged and tried again',
  { timeout: 300_000 },
  async () => {
    const logger = keepLines();
    const { champions } = follow(logger);
    await setChampion(database.db, 'triage', await add('one'));
    await champions.refresh();
    await setChampion(database.db, 'triage', await add('broken'));
    await champions.refresh();
    assert.equal(champions.get('triage')?.version, 'v1');
    assert.match(logger.lines.join('\n'), /version does not load, will try again .*"version":"v2","serving":"v1"/);
    const failures = () => logger.lines.filter((line) => line.includes('does not load')).length;
    while (failures() < 2) await champions.refresh();
    await setChampion(database.db, 'triage', await add('three'));
    await champions.refresh();
    assert.equal(champions.get('triage')?.version, 'v3');
    await champions.close();
  },
);

test('a damaged artifact is never served', async () => {
  const logger = keepLines();
  const { champions } = follow(logger);
  const version = await add('one');
  const [row] = await database.db.query<{ artifact: string }>(`select artifact from relearn.versions`);
  await writeFile(join(directory, 'artifacts', row?.artifact ?? ''), 'changed');
  await setChampion(database.db, 'triage', version);
  await champions.refresh();
  assert.equal(champions.get('triage'), undefined);
  assert.match(logger.lines.join('\n'), /is damaged/);
  await champions.close();
});

test('while the database is down the loaded champion keeps serving', async () => {
  const own = await createTestDatabase();
  const logger = keepLines();
  await setChampion(
    own.db,
    'triage',
    await addVersion(own.db, artifacts, directory, { model: 'triage', content: 'a' }),
  );
  const champions = followChampions({
    db: own.db,
    artifacts,
    secret: () => undefined,
    requireCertificate,
    models: onnxConfig(['triage']).models,
    load: async (_path, version) => versionEcho(version).served,
    logger,
    pollMs: 60_000,
  });
  await champions.refresh();
  await own.close();
  await champions.refresh();
  await champions.refresh();
  assert.equal(champions.get('triage')?.version, 'v1');
  assert.equal(logger.lines.filter((line) => line.includes('cannot look for champions')).length, 1);
  await champions.close();
});

test('the threshold of low confidence is the one of the version, or one half without calibration', async () => {
  const { champions } = follow();
  await setChampion(database.db, 'triage', await add('one', -0.4));
  await champions.refresh();
  assert.equal(champions.get('triage')?.lowConfidenceBelow, -0.4);
  await setChampion(database.db, 'triage', await add('two'));
  await champions.refresh();
  assert.equal(champions.get('triage')?.lowConfidenceBelow, Math.log(0.5));
  await champions.close();
});

test('the open incident is named while its rows are collected', async () => {
  const { champions } = follow();
  await setChampion(database.db, 'triage', await add('one'));
  await champions.refresh();
  assert.equal(champions.get('triage')?.incident, null);
  await database.db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start)
     values ('i1', 'triage', 'v1', 'gold', now(), now())`,
  );
  await champions.refresh();
  assert.equal(champions.get('triage')?.incident, 'i1');
  await setChampion(database.db, 'triage', await add('two'));
  await champions.refresh();
  assert.equal(champions.get('triage')?.incident, 'i1');
  await database.db.query(`update relearn.incidents set collecting_until = now()`);
  await champions.refresh();
  assert.equal(champions.get('triage')?.incident, null);
  await champions.close();
});

test('versions by name are kept loaded, and the least recently used one goes, but never under an answer', async () => {
  const loads: string[] = [];
  const echoes = new Map<string, Echo>();
  const versions = openVersions({
    db: database.db,
    artifacts,
    secret: () => undefined,
    models: onnxConfig(['triage']).models,
    async load(_path, version) {
      loads.push(version);
      const echo = versionEcho(version);
      echoes.set(version, echo);
      return echo.served;
    },
    keep: 1,
  });
  for (const content of ['one', 'two']) await add(content);
  await Promise.all([1, 2].map(() => versions.use('triage', 'v1', async (serving) => serving.version)));
  assert.deepEqual(loads, ['v1']);
  await versions.use('triage', 'v1', async () => {
    await versions.use('triage', 'v2', async () => {});
    assert.equal(echoes.get('v1')?.isClosed(), false);
  });
  await versions.use('triage', 'v2', async () => {});
  assert.deepEqual([echoes.get('v1')?.isClosed(), echoes.get('v2')?.isClosed()], [true, false]);
  await assert.rejects(
    versions.use('triage', 'v9', async () => {}),
    { code: 'version_not_found' },
  );
  await versions.close();
  assert.ok([...echoes.values()].every((echo) => echo.isClosed()));
});

async function setChallenger(version: string, share: number): Promise<void> {
  await database.db.query(
    `insert into relearn.aliases (model, alias, version, share) values ('triage', 'challenger', $1, $2)
     on conflict (model, alias) do update
       set version = excluded.version, share = excluded.share, token = aliases.token + 1`,
    [version, share],
  );
}

test('a challenger answers its share, always the same users, who stay with it as the share grows', async () => {
  const { champions, loaded } = follow();
  await setChampion(database.db, 'triage', await add('one'));
  await setChallenger(await add('two'), 0.2);
  await champions.refresh();
  const users = Array.from({ length: 1000 }, (_, index) => `user ${index}`);
  const chosen = () => users.filter((user) => champions.get('triage', user)?.version === 'v2');
  const first = chosen();
  assert.ok(first.length > 150 && first.length < 250, `${first.length} of 1000 users`);
  assert.deepEqual(chosen(), first);
  assert.equal(champions.get('triage')?.version, 'v1', 'who names no asker gets the champion');
  await setChallenger('v2', 0.6);
  await champions.refresh();
  const later = new Set(chosen());
  assert.ok(later.size > 500 && first.every((user) => later.has(user)));

  await database.db.query(`delete from relearn.aliases where alias = 'challenger'`);
  await champions.refresh();
  assert.deepEqual(chosen(), []);
  await champions.close();
  assert.equal(loaded.get('v2')?.isClosed(), true);
});

test('a challenger that does not load leaves all requests to the champion', async () => {
  const { champions } = follow();
  await setChampion(database.db, 'triage', await add('one'));
  await setChallenger(await add('broken'), 0.9);
  await champions.refresh();
  assert.ok(Array.from({ length: 50 }).every((_, user) => champions.get('triage', `${user}`)?.version === 'v1'));
  await champions.close();
});
