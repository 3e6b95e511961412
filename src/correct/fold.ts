import type { SparseVector } from '../retrain/embedded/featurize.ts';
import type { Clustering } from '../watch/clusters/find.ts';
import { cutByAverageLinkage } from '../watch/clusters/linkage.ts';
import { addTo, dimensionsOf, dot, noFeatures } from '../watch/clusters/vectors.ts';

export interface FoldedRow {
  /** Nobody has answered it. */
  waits: boolean;
  /** How often one answer did not fit all of its card. */
  declined: number;
}

/** A row to answer and those alike, which the same answer may serve. Rows are positions in the rows given. */
export interface Card {
  cluster: number;
  /** The most central row first; then those to look at before the answer is applied to all; then the rest. */
  rows: number[];
  /** Similarity of the first row to the mean of its cluster. */
  centrality: number;
}

/** Rows that a reviewer looks at, the first one included: when one answer fits them, it is taken to fit all. */
export const rowsLookedAt = 5;

/**
 * A card's rows are, on average, this share as similar as neighbours usually are; each time an answer did not fit all of a
 * card, it takes half as much again. Chosen on other intents than the benchmark's, and on mail: docs/review.md.
 */
const alike = 0.4;
const stricter = 1.5;

/** Folds the waiting rows of each cluster into cards. */
export function foldRows(
  rows: readonly FoldedRow[],
  vectors: readonly SparseVector[],
  { labels, followers, typicalSimilarity }: Clustering,
): Card[] {
  const scratch = new Float32Array(dimensionsOf(vectors));
  const cards: Card[] = [];
  for (const [cluster, members] of groupBy(vectors.keys(), (row) => labels[row] ?? row)) {
    const waiting = members.filter((row) => rows[row]?.waits === true);
    if (waiting.length === 0) continue;
    const groups: number[][] = [];
    for (const [declined, same] of groupBy(waiting, (row) => rows[row]?.declined ?? 0)) {
      const smallest = alike * stricter ** declined * typicalSimilarity;
      groups.push(...foldGroup(same, vectors, followers, smallest));
    }
    const inCluster = centralities(members, vectors, scratch);
    for (const group of groups) {
      const ordered = spread(mostCentralFirst(centralities(group, vectors, scratch)));
      cards.push({ cluster, rows: ordered, centrality: inCluster.get(ordered[0] ?? cluster) ?? 0 });
    }
  }
  return cards;
}

/** Compared rows are cut by linkage; a follower joins the card of the row it follows when it is alike enough. */
function foldGroup(
  rows: readonly number[],
  vectors: readonly SparseVector[],
  followers: Clustering['followers'],
  smallest: number,
): number[][] {
  const compared = rows.filter((row) => !followers.has(row));
  const cut = cutByAverageLinkage(
    compared.flatMap((row) => vectors[row] ?? []),
    smallest,
  );
  const groups = cut.map((positions) => positions.flatMap((position) => compared[position] ?? []));
  const groupOf = new Map(groups.flatMap((group) => group.map((row) => [row, group] as const)));
  for (const row of rows) {
    const followed = followers.get(row);
    if (followed === undefined) continue;
    const group = followed.similarity >= smallest ? groupOf.get(followed.row) : undefined;
    if (group === undefined) groups.push([row]);
    else group.push(row);
  }
  return groups;
}

/** Brings the rows to look at to the front: evenly spread, from the most central to the outermost one. */
function spread(rows: readonly number[]): number[] {
  if (rows.length <= rowsLookedAt) return [...rows];
  const step = (rows.length - 1) / (rowsLookedAt - 1);
  const places = Array.from({ length: rowsLookedAt }, (_, turn) => Math.round(turn * step));
  const first = places.flatMap((place) => rows[place] ?? []);
  return [...first, ...rows.filter((_, place) => !places.includes(place))];
}

/** The average similarity of each of these rows to all of them. `scratch` holds zeros before and after. */
function centralities(
  rows: readonly number[],
  vectors: readonly SparseVector[],
  scratch: Float32Array,
): Map<number, number> {
  const own = rows.map((row) => vectors[row] ?? noFeatures);
  for (const vector of own) addTo(scratch, vector, 1 / rows.length);
  const values = new Map(rows.map((row, index) => [row, dot(scratch, own[index] ?? noFeatures)]));
  for (const { ids } of own) for (const id of ids) scratch[id] = 0;
  return values;
}

function mostCentralFirst(centrality: ReadonlyMap<number, number>): number[] {
  return [...centrality].sort(([row, value], [other, than]) => than - value || row - other).map(([row]) => row);
}

/** Rows by their key, both in the order they come in. */
export function groupBy(rows: Iterable<number>, keyOf: (row: number) => number): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
