import { createRandom, shuffle } from '../../retrain/embedded/random.ts';
import type { SparseVector } from '../../retrain/embedded/featurize.ts';
import { noFeatures } from './vectors.ts';
import { indexNeighbours, type Neighbour } from './neighbours.ts';
import { chineseWhispers } from './whispers.ts';

export interface Clustering {
  /** Of each row: rows of one cluster have the same label. A row like no other is alone. */
  labels: Int32Array;
  /** Rows beyond `mostCompared`, with the compared row they are most like. */
  followers: ReadonlyMap<number, Neighbour>;
  /** The median similarity of a row to one of its nearest: what counts as alike among these texts. */
  typicalSimilarity: number;
}

const nearestRows = 8;

/** All pairs of these are compared; it takes 4 s for 6,000 short texts. */
const mostCompared = 6000;

/**
 * Clusters rows by Chinese whispers on the graph of their 8 nearest. Of more than `limit` rows a random part is compared, and
 * each other row joins the cluster of the one it is most like. Same rows and seed: same clusters.
 */
export function findClusters(vectors: readonly SparseVector[], seed: number, limit = mostCompared): Clustering {
  const order = Int32Array.from(vectors.keys());
  if (vectors.length > limit) shuffle(order, createRandom(seed));
  const compared = [...order.subarray(0, limit)].sort((a, b) => a - b);
  const comparedVectors = compared.flatMap((row) => vectors[row] ?? []);
  const find = indexNeighbours(comparedVectors);
  const neighbours = comparedVectors.map((vector, position) => find(vector, nearestRows, position));
  const found = chineseWhispers(neighbours, seed);

  const labels = Int32Array.from(vectors.keys());
  for (const [position, row] of compared.entries()) labels[row] = compared[found[position] ?? position] ?? row;
  const followers = new Map<number, Neighbour>();
  for (const row of order.subarray(limit)) {
    const [nearest] = find(vectors[row] ?? noFeatures, 1);
    if (nearest === undefined) continue;
    const followed = compared[nearest.row] ?? row;
    followers.set(row, { row: followed, similarity: nearest.similarity });
    labels[row] = labels[followed] ?? row;
  }
  return { labels, followers, typicalSimilarity: median(neighbours.flat().map(({ similarity }) => similarity)) };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 1;
}
