import type { SparseVector } from '../../retrain/embedded/featurize.ts';

export interface Neighbour {
  row: number;
  /** Cosine, 0 to 1. */
  similarity: number;
}

export type FindNeighbours = (vector: SparseVector, wanted: number, self?: number) => Neighbour[];

/** Below this two texts have nothing but a common word in common. */
const smallestSimilarity = 0.05;

/**
 * Indexes rows by their features, and finds the most similar ones to a vector: exact, nearest first, similarity above
 * 0.05. `self` is left out.
 */
export function indexNeighbours(vectors: readonly SparseVector[]): FindNeighbours {
  const holders = new Map<number, { rows: number[]; weights: number[] }>();
  for (const [row, { ids, weights }] of vectors.entries()) {
    for (const [index, id] of ids.entries()) {
      const held = holders.get(id) ?? { rows: [], weights: [] };
      if (held.rows.length === 0) holders.set(id, held);
      held.rows.push(row);
      held.weights.push(weights[index] ?? 0);
    }
  }
  const similarities = new Float32Array(vectors.length);

  return ({ ids, weights }, wanted, self = -1) => {
    similarities.fill(0);
    for (const [index, id] of ids.entries()) {
      const held = holders.get(id);
      if (held === undefined) continue;
      const weight = weights[index] ?? 0;
      for (let at = 0; at < held.rows.length; at += 1) {
        const row = held.rows[at] ?? 0;
        similarities[row] = (similarities[row] ?? 0) + weight * (held.weights[at] ?? 0);
      }
    }
    const nearest: Neighbour[] = [];
    for (let row = 0; row < similarities.length; row += 1) {
      const similarity = similarities[row] ?? 0;
      const last = nearest[wanted - 1];
      if (row === self || similarity <= Math.max(smallestSimilarity, last?.similarity ?? 0)) continue;
      let place = Math.min(nearest.length, wanted - 1);
      while (place > 0 && (nearest[place - 1]?.similarity ?? 0) < similarity) place -= 1;
      nearest.splice(place, 0, { row, similarity });
      nearest.length = Math.min(nearest.length, wanted);
    }
    return nearest;
  };
}
