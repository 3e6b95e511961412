import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldRows, rowsLookedAt, type Card } from '../../src/correct/fold.ts';
import { needsNewOrder, orderCards } from '../../src/correct/queue-order.ts';
import { findClusters } from '../../src/watch/clusters/find.ts';
import { textVectors } from '../../src/watch/clusters/vectors.ts';

const row = (more: object = {}) => ({ waits: true, risky: true, front: false, declined: 0, ...more });
const card = (cluster: number, rows: number[], centrality: number): Card => ({ cluster, rows, centrality });

test('every cluster comes once before any is repeated, the one with the most rows waiting first, central cards first', () => {
  // Cluster 0: rows 0 to 4; cluster 5: rows 5 to 7; cluster 8: row 8.
  const labels = Int32Array.of(0, 0, 0, 0, 0, 5, 5, 5, 8);
  const rows = Array.from(labels, () => row());
  const cards = [
    card(8, [8], 1),
    card(5, [5, 6], 0.2),
    card(5, [7], 0.9),
    card(0, [3, 4], 0.1),
    card(0, [0, 1, 2], 0.5),
  ];
  const heads = (ordered: Card[]) => ordered.map(({ rows: [head] }) => head);
  assert.deepEqual(heads(orderCards(cards, rows, labels)), [0, 7, 8, 3, 5]);

  const answered = rows.map((line, index) => (index === 2 ? row({ waits: false }) : line));
  const left = [...cards.slice(0, 4), card(0, [0, 1], 0.5)];
  assert.deepEqual(
    heads(orderCards(left, answered, labels)),
    [7, 8, 0, 5, 3],
    'a cluster with an answer has had its turn',
  );

  const wellAnswered = rows.map((line, index) => (index < 5 ? row({ risky: false }) : line));
  assert.deepEqual(heads(orderCards(cards, wellAnswered, labels))[0], 7, 'rows that probably failed weigh most');

  const reviewed = rows.map((line, index) => (index === 8 ? row({ front: true }) : line));
  assert.equal(heads(orderCards(cards, reviewed, labels))[0], 8, 'a targeted review comes first');
});

const near = Array.from(
  { length: 14 },
  (_, n) => `how much air do the tyres of my ${['car', 'van', 'bike'][n % 3]} need`,
);
const far = [
  'renew my passport please',
  'is it going to rain tomorrow',
  'transfer fifty dollars to my savings account',
];

test('rows that are alike are folded into one card, those to look at first, the outermost among them', () => {
  const vectors = textVectors([...near, ...far]);
  const clustering = findClusters(vectors, 1);
  const rows = vectors.map(() => row());
  const cards = foldRows(rows, vectors, clustering);
  const [largest] = cards.toSorted((a, b) => b.rows.length - a.rows.length);
  assert.deepEqual(
    largest?.rows.toSorted((a, b) => a - b),
    [...near.keys()],
  );
  const looked = new Set(largest.rows.slice(0, rowsLookedAt).map((index) => near[index]));
  assert.equal(looked.size, 3, 'a van, a car and a bike are looked at');
  assert.equal(
    cards.reduce((sum, { rows: { length } }) => sum + length, 0),
    vectors.length,
    'each row has one card',
  );
});

test('a card that was declined is cut finer, until each row is alone; what is answered is in no card', () => {
  const vectors = textVectors([...near, ...far]);
  const clustering = findClusters(vectors, 1);
  const cardsAt = (declined: number) =>
    foldRows(
      vectors.map((_, index) => row({ declined, waits: index !== 0 })),
      vectors,
      clustering,
    );
  const counts = [0, 1, 2, 3].map((declined) => cardsAt(declined).length);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  assert.ok((counts[3] ?? 0) > (counts[0] ?? 0));
  assert.ok(cardsAt(0).every(({ rows }) => !rows.includes(0)));
});

test('the order is made anew every 25 corrections, and after thousands of them at each tenth more', () => {
  assert.equal(needsNewOrder(0, -Infinity), true);
  assert.equal(needsNewOrder(24, 0), false);
  assert.equal(needsNewOrder(25, 0), true);
  assert.equal(needsNewOrder(5400, 5000), false);
  assert.equal(needsNewOrder(5500, 5000), true);
});
