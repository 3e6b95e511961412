import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findClusters } from '../../../src/watch/clusters/find.ts';
import { groupInThread, orderInThread } from '../../../src/watch/clusters/in-thread.ts';
import { cutByAverageLinkage } from '../../../src/watch/clusters/linkage.ts';
import { embeddingVectors, textVectors } from '../../../src/watch/clusters/vectors.ts';
import { newTopics, textOf } from '../../loop.ts';

const texts = newTopics.flatMap((topic) => Array.from({ length: 40 }, (_, seed) => textOf(topic, seed)));
const topicOf = (row: number) => newTopics[Math.floor(row / 40)];

/** The share of rows whose cluster is mostly of their topic. */
function purity(labels: Int32Array): number {
  const byCluster = new Map<number, number[]>();
  for (const [row, label] of labels.entries()) byCluster.set(label, [...(byCluster.get(label) ?? []), row]);
  const right = [...byCluster.values()].map((rows) =>
    Math.max(...newTopics.map((topic) => rows.filter((row) => topicOf(row) === topic).length)),
  );
  return right.reduce((sum, count) => sum + count, 0) / labels.length;
}

test('texts about the same thing fall into the same clusters, the same ones each time', () => {
  const { labels } = findClusters(textVectors(texts), 1);
  assert.ok(purity(labels) > 0.9, `purity ${purity(labels)}`);
  assert.ok(new Set(labels).size < 20, `${new Set(labels).size} clusters of ${texts.length} rows`);
  assert.deepEqual(findClusters(textVectors(texts), 1).labels, labels);
});

test('of more rows than are compared, the others join the clusters of those they are most like', () => {
  const { labels, followers } = findClusters(textVectors(texts), 1, 50);
  assert.equal(followers.size, 30);
  for (const [row, { row: followed }] of followers) {
    assert.equal(labels[row], labels[followed]);
    assert.ok(!followers.has(followed));
  }
  assert.ok(purity(labels) > 0.8, `purity ${purity(labels)}`);
});

test('a row that is like no other, and one without any text, is alone', () => {
  const { labels } = findClusters(textVectors([...texts, 'zzzyx', '', '']), 1);
  const alone = [...labels].slice(-3);
  assert.equal(new Set(alone).size, 3);
  assert.ok(alone.every((label) => [...labels].filter((other) => other === label).length === 1));
});

test('average linkage joins what is alike on average, and nothing below the threshold', () => {
  const angle = (degrees: number) => {
    const radians = (degrees / 180) * Math.PI;
    return {
      ids: Int32Array.of(0, 1),
      weights: Float32Array.of(Math.cos(radians), Math.sin(radians)),
    };
  };
  const sorted = (groups: number[][]) => groups.map((group) => group.sort((a, b) => a - b)).sort();
  const vectors = [0, 10, 20, 70, 80].map(angle);
  assert.deepEqual(sorted(cutByAverageLinkage(vectors, 0.9)), [
    [0, 1, 2],
    [3, 4],
  ]);
  assert.equal(cutByAverageLinkage(vectors, 0.99).length, 5);
  assert.deepEqual(sorted(cutByAverageLinkage(vectors, 0)), [[0, 1, 2, 3, 4]]);
  assert.deepEqual(cutByAverageLinkage([], 0.5), []);
});

test('embeddings that all point to one side are told apart by how they differ', () => {
  const common = Array.from({ length: 8 }, () => 10);
  const turned = (index: number, row: number) => common.map((value, at) => value + (at === index ? 1 + row / 100 : 0));
  const rows = [0, 1].flatMap((index) => Array.from({ length: 12 }, (_, row) => turned(index, row)));
  const { labels } = findClusters(embeddingVectors(rows), 1);
  assert.equal(new Set(labels).size, 2);
  assert.equal(new Set(labels.subarray(0, 12)).size, 1);
});

test('in a thread of its own the work gives cards and groups with their telling terms, and ends at once when aborted', async () => {
  const rows = texts.map(() => ({ waits: true, risky: true, front: false, declined: 0 }));
  const cards = await orderInThread({ kind: 'order', rows, texts });
  assert.deepEqual(
    cards.flatMap((card) => card.rows).sort((a, b) => a - b),
    [...texts.keys()],
  );
  const groups = await groupInThread({ kind: 'group', texts, minRows: 10 });
  assert.ok(groups.length > 0 && groups.every((group) => group.rows.length >= 10 && group.terms.length > 0));
  const stop = new AbortController();
  const ordering = orderInThread({ kind: 'order', rows, texts }, stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(ordering, /enough/);
});
