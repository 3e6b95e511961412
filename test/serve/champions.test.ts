import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openDatabase, type Database, type DatabasePool } from '../../src/database.ts';
import { openArtifactDirectory, type ArtifactStore } from '../../src/promote/artifacts.ts';
import { followChampions, type ChampionLogger } from '../../src/serve/champions.ts';
import { openVersions } from '../../src/serve/versions.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';
import { eventually, patienceMs } from '../until.ts';
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

function follow(
  logger: ChampionLogger = silentLogger,
  wait?: () => Promise<void>,
  models = ['triage'],
  keepsFallback = false,
  db: Database = database.db,
) {
  const loaded = new Map<string, Echo>();
  /** Every load, in order. */
  const loads: string[] = [];
  const champions = followChampions({
    ...{ db, keepsFallback, answerMs: patienceMs },
    artifacts,
    secret: () => undefined,
    requireCertificate,
    models: onnxConfig(models).models,
    async load(path, version) {
      if ((await readFile(path, 'utf8')).startsWith('broken')) throw new Error('not a model');
      const echo = versionEcho(version, wait);
      loaded.set(version, echo);
      loads.push(version);
      return echo.served;
    },
    logger,
    pollMs: 60_000, // the tests look by refresh()
    retryMs: 1,
  });
  return { champions, loaded, loads };
}

/** Makes a version the champion, as a promotion or rollback leaves it on record. */
async function deploy(version: string, action: 'promote' | 'rollback' = 'promote'): Promise<void> {
  await database.db.query(
    `insert into relearn.deployments (model, version, previous, action, actor)
     values ('triage', $1, (select version from relearn.aliases where model = 'triage' and alias = 'champion'), $2, 'ann')`,
    [version, action],
  );
  await setChampion(database.db, 'triage', version);
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

test('the version before the champion stays loaded, it alone: a rollback loads nothing', async () => {
  const { champions, loaded, loads } = follow(silentLogger, undefined, ['triage'], true);
  const open = () => [...loaded].filter(([, echo]) => !echo.isClosed()).map(([version]) => version);
  for (const content of ['one', 'two', 'three']) {
    await deploy(await add(content));
    await champions.refresh();
  }
  await eventually(open, ['v2', 'v3']);
  await deploy('v2', 'rollback');
  await champions.refresh();
  assert.deepEqual([champions.get('triage')?.version, loads], ['v2', ['v1', 'v2', 'v3']]);
  const [row] = await database.db.query<{ since: Date }>(`select changed_at as since from relearn.aliases`);
  assert.deepEqual(champions.get('triage')?.since, row?.since);

  await champions.refresh(); // what another rollback would return to
  await eventually(open, ['v1', 'v2']);
  await deploy('v1', 'rollback');
  await champions.refresh();
  assert.deepEqual([champions.get('triage')?.version, loads], ['v1', ['v1', 'v2', 'v3', 'v1']]);
  await eventually(open, ['v1']);
  await champions.close();
  assert.deepEqual(open(), []);
});

/** The database, where `meanwhile` happens after the first read of a transaction. */
function interrupted(meanwhile: () => Promise<void>): Database {
  const { db } = database;
  const transaction: Database['transaction'] = (work) =>
    db.transaction((tx) => {
      const query: Database['query'] = async (sql, values) => {
        const rows = await tx.query<never>(sql, values);
        if (sql.trimStart().startsWith('select')) await meanwhile();
        return rows;
      };
      return work({ ...tx, query });
    });
  return { ...db, transaction, within: () => interrupted(meanwhile) };
}

test('a rollback in the middle of a look finds the version before still loaded', async () => {
  for (const content of ['one', 'two']) await deploy(await add(content));
  let pending = false;
  const db = interrupted(async () => {
    if (!pending) return;
    pending = false;
    await deploy('v1', 'rollback');
  });
  const { champions, loads } = follow(silentLogger, undefined, ['triage'], true, db);
  await champions.refresh();
  await champions.refresh();
  assert.deepEqual(loads, ['v2', 'v1']);
  pending = true;
  await champions.refresh();
  await champions.refresh();
  assert.deepEqual([champions.get('triage')?.version, loads], ['v1', ['v2', 'v1']]);
  await champions.close();
});

test('a gateway that starts loads the version before the champion, too, once it can answer', async () => {
  for (const content of ['one', 'two']) await deploy(await add(content));
  const { champions, loads } = follow(silentLogger, undefined, ['triage'], true);
  await champions.refresh();
  assert.deepEqual([champions.ready(), loads], [true, ['v2']]);
  await champions.refresh();
  await deploy('v1', 'rollback');
  await champions.refresh();
  assert.deepEqual([champions.get('triage')?.version, loads], ['v1', ['v2', 'v1']]);
  await champions.close();
});

test('a challenger that is promoted is not loaded again, and one that is taken back leaves the fallback', async () => {
  const { champions, loaded, loads } = follow(silentLogger, undefined, ['triage'], true);
  for (const content of ['one', 'two']) {
    await deploy(await add(content));
    await champions.refresh();
  }
  await setChallenger(await add('three'), 0.5);
  await champions.refresh();
  await eventually(() => loaded.get('v1')?.isClosed(), true);
  await database.db.query(`delete from relearn.aliases where alias = 'challenger'`);
  await deploy('v3');
  await champions.refresh();
  assert.deepEqual([champions.get('triage', 'any')?.version, loads], ['v3', ['v1', 'v2', 'v3']]);
  assert.equal(loaded.get('v2')?.isClosed(), false);

  await setChallenger(await add('four'), 0.5);
  await champions.refresh();
  await database.db.query(`delete from relearn.aliases where alias = 'challenger'`);
  await champions.refresh();
  await deploy('v2', 'rollback');
  await champions.refresh();
  assert.deepEqual([champions.get('triage', 'any')?.version, loads.length], ['v2', 5]);
  await champions.close();
});

/** Follows `triage` and `other` by polling, as a gateway does; what is slow ends loading when told to. */
function followByPolling(db: DatabasePool) {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const begun: string[] = [];
  const champions = followChampions({
    ...{ db, artifacts, requireCertificate, secret: () => undefined, logger: silentLogger, pollMs: 5 },
    models: onnxConfig(['triage', 'other']).models,
    async load(path, version) {
      const content = await readFile(path, 'utf8');
      begun.push(content);
      if (content.startsWith('slow')) await finished;
      return versionEcho(version).served;
    },
  });
  return { champions, finish, begun };
}

test('a load that takes long holds up no switch, neither of another model nor back to what is loaded', async () => {
  const { champions, finish, begun } = followByPolling(database.db);
  await deploy(await add('one'));
  await eventually(() => champions.get('triage')?.version, 'v1');
  const slow = { model: 'other', content: 'slow, of another model' };
  await setChampion(database.db, 'other', await addVersion(database.db, artifacts, directory, slow));
  await eventually(() => begun.includes(slow.content), true);
  await deploy(await add('two'));
  await eventually(() => champions.get('triage')?.version, 'v2');
  await deploy(await add('slow'));
  await eventually(() => begun.includes('slow'), true);
  await deploy('v2', 'rollback');
  await deploy(await add('four'));
  await eventually(() => champions.get('triage')?.version, 'v4');
  finish();
  await eventually(() => champions.get('other')?.version, 'v1');
  assert.equal(champions.get('triage')?.version, 'v4');
  await champions.close();
});

/** A way to the database whose connections can go silent: nothing ends them and nothing comes any more. */
async function openWay(url: string) {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    sockets.push(client, upstream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${address.port}` }).href,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('a rollback is seen by whom the connection to Postgres has gone silent', { timeout: 300_000 }, async (t) => {
  const way = await openWay(database.url);
  const db = openDatabase(way.url, { connectMs: patienceMs });
  const { champions } = followByPolling(db);
  t.after(async () => {
    await champions.close();
    await db.close();
    way.close();
  });
  for (const [content, model] of [
    ['one', 'triage'],
    ['two', 'triage'],
    ['an', 'other'],
  ] as const)
    // prettier-ignore
    await setChampion(database.db, model, await addVersion(database.db, artifacts, directory, { model, content }));
  await eventually(() => [champions.ready(), champions.get('triage')?.version], [true, 'v2']);
  way.silence();
  await deploy('v1', 'rollback');
  await eventually(() => champions.get('triage')?.version, 'v1');
});
