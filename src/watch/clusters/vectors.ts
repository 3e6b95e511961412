import { createFeaturizer, defaultFeaturizer, type SparseVector } from '../../retrain/embedded/featurize.ts';
import { weighByRarity } from '../../retrain/embedded/classify.ts';
import { measureRarity } from '../../retrain/embedded/train.ts';

/** Enough to tell long texts apart, and what keeps comparing thousands of them quick. */
const mostFeatures = 200;
const mostCharacters = 4000;

/** The vector of a text without any feature. */
export const noFeatures: SparseVector = { ids: new Int32Array(), weights: new Float32Array() };

/**
 * Texts as the embedded classifier reads them, hashed n-grams, weighed by their rarity among these texts; of a long text the
 * 200 heaviest. Each of length 1, or empty.
 */
export function textVectors(texts: readonly string[]): SparseVector[] {
  const featurize = createFeaturizer(defaultFeaturizer);
  const plain = texts.map((text) => featurize(text.slice(0, mostCharacters)));
  const rarity = measureRarity(plain, defaultFeaturizer.buckets);
  return plain.map((vector) => scale(heaviest(weighByRarity(vector, rarity))));
}

/**
 * Embeddings, less their mean, each scaled to length 1: those of one encoder all point to one side, so that two texts that
 * have nothing in common would look alike.
 */
export function embeddingVectors(embeddings: readonly (Float32Array | readonly number[])[]): SparseVector[] {
  const dimensions = embeddings[0]?.length ?? 0;
  const mean = new Float64Array(dimensions);
  for (const embedding of embeddings) {
    for (const [index, value] of embedding.entries()) mean[index] = (mean[index] ?? 0) + value / embeddings.length;
  }
  const ids = Int32Array.from({ length: dimensions }, (_, index) => index);
  return embeddings.map((embedding) => {
    return scale({ ids, weights: Float32Array.from(embedding, (value, index) => value - (mean[index] ?? 0)) });
  });
}

/** The cosine of two vectors of length 1 is the dot product: `dense` holds one of them, by id. */
export function dot(dense: Float32Array, { ids, weights }: SparseVector): number {
  let sum = 0;
  for (let index = 0; index < ids.length; index += 1) sum += (dense[ids[index] ?? 0] ?? 0) * (weights[index] ?? 0);
  return sum;
}

/** Adds `times` the vector to `dense`, in place. */
export function addTo(dense: Float32Array, { ids, weights }: SparseVector, times = 1): void {
  for (let index = 0; index < ids.length; index += 1) {
    const id = ids[index] ?? 0;
    dense[id] = (dense[id] ?? 0) + times * (weights[index] ?? 0);
  }
}

/** One more than the largest id. */
export function dimensionsOf(vectors: readonly SparseVector[]): number {
  let largest = -1;
  for (const { ids } of vectors) for (const id of ids) largest = Math.max(largest, id);
  return largest + 1;
}

function heaviest(vector: SparseVector): SparseVector {
  if (vector.ids.length <= mostFeatures) return vector;
  const order = [...vector.weights.keys()].sort((a, b) => (vector.weights[b] ?? 0) - (vector.weights[a] ?? 0));
  const kept = order.slice(0, mostFeatures);
  return {
    ids: Int32Array.from(kept, (index) => vector.ids[index] ?? 0),
    weights: Float32Array.from(kept, (index) => vector.weights[index] ?? 0),
  };
}

function scale({ ids, weights }: SparseVector): SparseVector {
  const length = Math.hypot(...weights) || 1;
  return { ids, weights: weights.map((weight) => weight / length) };
}
