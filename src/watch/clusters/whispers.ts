import { createRandom, shuffle } from '../../retrain/embedded/random.ts';
import type { Neighbour } from './neighbours.ts';

/** It settles in fewer; two rows that keep swapping must not go on for ever. */
const mostRounds = 20;

/**
 * Chinese whispers (Biemann 2006): each row, in random order, takes the label that weighs most among its neighbours, until
 * none changes. There is no number of clusters to choose. `neighbours[row]` are its nearest; an edge counts both ways. Returns
 * a label a row, each the number of one of the rows. Same seed, same labels.
 */
export function chineseWhispers(neighbours: readonly (readonly Neighbour[])[], seed: number): Int32Array {
  const edges = neighbours.map((near) => new Map(near.map(({ row, similarity }) => [row, similarity])));
  for (const [row, near] of neighbours.entries()) {
    for (const { row: other, similarity } of near) edges[other]?.set(row, similarity);
  }
  const labels = Int32Array.from(neighbours.keys());
  const order = Int32Array.from(neighbours.keys());
  const random = createRandom(seed);
  for (let round = 0; round < mostRounds; round += 1) {
    shuffle(order, random);
    let changed = false;
    for (const row of order) {
      const label = heaviestLabel(edges[row] ?? new Map(), labels);
      if (label === undefined || label === labels[row]) continue;
      labels[row] = label;
      changed = true;
    }
    if (!changed) break;
  }
  return labels;
}

function heaviestLabel(edges: ReadonlyMap<number, number>, labels: Int32Array): number | undefined {
  const weights = new Map<number, number>();
  let heaviest: number | undefined;
  for (const [row, similarity] of edges) {
    const label = labels[row] ?? 0;
    const weight = (weights.get(label) ?? 0) + similarity;
    weights.set(label, weight);
    if (heaviest === undefined || weight > (weights.get(heaviest) ?? 0)) heaviest = label;
  }
  return heaviest;
}
