import type { SparseVector } from '../../retrain/embedded/featurize.ts';
import { addTo, dimensionsOf, dot } from './vectors.ts';

/**
 * Cuts rows into groups by average linkage (UPGMA): two groups are one when their rows are, on average, at least
 * `smallest` similar. Found by nearest-neighbour chains (Murtagh 1983): time and memory grow with the square of the rows.
 * Returns the groups' positions in `vectors`.
 */
export function cutByAverageLinkage(vectors: readonly SparseVector[], smallest: number): number[][] {
  const similarities = compareAll(vectors);
  const groups = new Map<number, number[]>(vectors.map((_, row) => [row, [row]]));
  const waiting = new Set(groups.keys());
  const chain: number[] = [];
  while (waiting.size > 0) {
    const last = chain.at(-1) ?? firstOf(waiting);
    const before = chain.at(-2);
    if (chain.length === 0) chain.push(last);
    const nearest = findNearest(similarities[last], waiting, last, before);
    if (nearest === undefined || nearest.similarity < smallest) {
      // No later merge brings anything nearer to it: it stays as it is.
      waiting.delete(last);
      chain.pop();
    } else if (nearest.row === before) {
      merge(similarities, groups, waiting, last, before);
      chain.length -= 2;
    } else {
      chain.push(nearest.row);
    }
  }
  return [...groups.values()];
}

function compareAll(vectors: readonly SparseVector[]): Float32Array[] {
  const dense = new Float32Array(dimensionsOf(vectors));
  return vectors.map((vector) => {
    addTo(dense, vector);
    const row = Float32Array.from(vectors, (other) => dot(dense, other));
    for (const id of vector.ids) dense[id] = 0;
    return row;
  });
}

/** Ties go to the row before in the chain, or the chain would go in circles. */
function findNearest(
  similarities: Float32Array | undefined,
  waiting: ReadonlySet<number>,
  self: number,
  before: number | undefined,
): { row: number; similarity: number } | undefined {
  let nearest = before === undefined ? undefined : { row: before, similarity: similarities?.[before] ?? 0 };
  for (const row of waiting) {
    const similarity = similarities?.[row] ?? 0;
    if (row !== self && similarity > (nearest?.similarity ?? -Infinity)) nearest = { row, similarity };
  }
  return nearest;
}

function merge(
  similarities: readonly Float32Array[],
  groups: Map<number, number[]>,
  waiting: Set<number>,
  into: number,
  other: number,
): void {
  const [first, second] = [groups.get(into) ?? [], groups.get(other) ?? []];
  const share = first.length / (first.length + second.length);
  waiting.delete(other);
  for (const row of waiting) {
    const joined = share * (similarities[into]?.[row] ?? 0) + (1 - share) * (similarities[other]?.[row] ?? 0);
    similarities[into]?.fill(joined, row, row + 1);
    similarities[row]?.fill(joined, into, into + 1);
  }
  groups.set(into, [...first, ...second]);
  groups.delete(other);
}

function firstOf(rows: ReadonlySet<number>): number {
  for (const row of rows) return row;
  return 0;
}
