import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { trainVersion } from '../../infra/deploy.ts';
import { statePaths } from '../../infra/state-paths.ts';
import { getVersion } from '../../src/promote/registry.ts';
import { taskQueue } from '../../src/temporal.ts';
import type { ClusterWatchResult } from '../../workflows/cluster-watch.ts';
import { knownTopics, model, startLoop, type Loop } from '../loop.ts';
import { writeJsonl } from '../retrain/embedded/synthetic.ts';
import { writeTinyEncoder } from '../retrain/encoder/tiny-encoder.ts';

/** Words that mean the same to the encoder, and have nothing in common for n-grams. */
const meanings = [
  ['tulip', 'compost', 'mulch', 'weeds'],
  ['guitar', 'chorus', 'vinyl', 'drummer'],
];
const rowsOfWord = 10;

let directory: string;
let base: string;
let loop: Loop;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-cluster-encoder-'));
  base = await writeJsonl(
    join(directory, 'base.jsonl'),
    knownTopics.map((topic) => ({ prompt: `all of ${topic}`, completion: topic })),
  );
  const trainer = { kind: 'encoder', base, ...(await writeTinyEncoder(directory, meanings)), epochs: 1 };
  loop = await startLoop((settings) => {
    const own = settings.models[model];
    assert.ok(own !== undefined);
    own.retrain['trainer'] = trainer;
    Object.assign(own, { clusters: { minRows: 5 }, sampling: { healthyRate: 1 } });
  });
  await loop.startWorker();
  const words = meanings.flat().flatMap((word) => Array.from({ length: rowsOfWord }, () => word));
  await loop.send(words.map((word) => ({ prompt: `please, ${word} of ${word}`, completion: '' })));
  await loop.database.db.query(`update relearn.samples set kept_because = 'low_confidence'`);
});
after(async () => {
  await loop.close();
  await rm(directory, { recursive: true, force: true });
});

/** One look: what rows were compared by, and the clusters that last. */
async function look() {
  const { comparedBy, found } = await loop.client.workflow.execute<
    (input: { model: string }) => Promise<ClusterWatchResult>
  >('clusterWatch', { workflowId: `cluster-watch/${randomUUID()}`, taskQueue, args: [{ model }] });
  return { comparedBy, clusters: found.filter(({ state }) => state !== 'resolved') };
}

async function makeChampion(version: string) {
  await loop.database.db.query(`update relearn.aliases set version = $1, token = token + 1 where alias = 'champion'`, [
    version,
  ]);
}

const keysOf = (clusters: readonly { key: string }[]) => clusters.map(({ key }) => key).sort();

test('the champion groups rows by its own embeddings, and clusters keep their keys when the next one is no encoder', async () => {
  const first = await look();
  assert.equal(first.comparedBy, 'embeddings of the champion v1');
  assert.deepEqual(
    first.clusters.map(({ rows }) => rows),
    meanings.map((words) => words.length * rowsOfWord),
  );
  const cards = await loop.database.db.query(`select distinct card from relearn.review_cards`);
  assert.equal(cards.length, meanings.length);

  const settings = loop.config.models[model];
  assert.ok(settings !== undefined);
  settings.retrain.trainer = { kind: 'embedded', base, seed: 1, epochs: 1 };
  const { version } = await trainVersion(loop.runtime, model);
  await makeChampion(version);
  const second = await look();
  assert.equal(second.comparedBy, 'hashed n-grams');
  assert.ok(second.clusters.length > first.clusters.length);
  const kept = second.clusters.filter(({ state }) => state !== 'new');
  assert.deepEqual(keysOf(kept), keysOf(first.clusters));
});

test('an encoder that does not load leaves the n-grams, and the look says so', async () => {
  const { artifact } = await getVersion(loop.database.db, model, 'v1');
  await truncate(join(statePaths(loop.config).artifacts, artifact ?? ''), 10);
  await makeChampion('v1');
  const { comparedBy, clusters } = await look();
  assert.equal(comparedBy, 'hashed n-grams: the champion v1 gave no embeddings (invalid_artifact)');
  assert.ok(clusters.length > 0);
  assert.ok(loop.logs.some((line) => line.includes('no embeddings of the champion v1')));
});
