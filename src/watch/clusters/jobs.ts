import { foldRows, groupBy, type Card, type FoldedRow } from '../../correct/fold.ts';
import { orderCards, type QueuedRow } from '../../correct/queue-order.ts';
import { findClusters } from './find.ts';
import { tellingTerms } from './terms.ts';
import { embeddingVectors, textVectors } from './vectors.ts';

/** What rows are about: redacted texts, and their embeddings where an endpoint or the champion makes some. */
export interface Material {
  texts: readonly string[];
  embeddings?: readonly Float32Array[] | undefined;
}

export interface OrderJob extends Material {
  kind: 'order';
  rows: readonly (FoldedRow & QueuedRow)[];
}

export interface GroupJob extends Material {
  kind: 'group';
  minRows: number;
}

export interface RowGroup {
  /** Positions in the texts given. */
  rows: number[];
  terms: string[];
}

/** Clusters of the same rows are the same, whoever asks. */
const seed = 1;

/** The cards of the review queue, in the order of answering. */
export function orderForReview({ rows, ...material }: OrderJob): Card[] {
  const vectors = vectorsOf(material);
  const clustering = findClusters(vectors, seed);
  return orderCards(foldRows(rows, vectors, clustering), rows, clustering.labels);
}

/** Groups of at least `minRows` rows that are alike, the largest first, each with its telling terms. */
export function groupRows({ minRows, ...material }: GroupJob): RowGroup[] {
  const { labels } = findClusters(vectorsOf(material), seed);
  const groups = groupBy(labels.keys(), (row) => labels[row] ?? row);
  const large = [...groups.values()].filter(({ length }) => length >= minRows).sort((a, b) => b.length - a.length);
  const terms = tellingTerms(material.texts, large);
  return large.map((rows, index) => ({ rows, terms: terms[index] ?? [] }));
}

function vectorsOf({ texts, embeddings }: Material) {
  return embeddings === undefined ? textVectors(texts) : embeddingVectors(embeddings);
}
