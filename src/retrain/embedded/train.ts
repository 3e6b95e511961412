import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { RelearnError } from '../../errors.ts';
import { scoreInto, softmaxInPlace, weighByRarity, type Classifier } from './classify.ts';
import { createFeaturizer, defaultFeaturizer, type SparseVector } from './featurize.ts';
import { createRandom, shuffle } from './random.ts';

export interface LabelledText {
  readonly text: string;
  readonly label: string;
}

export interface TrainingInput {
  readonly rows: readonly LabelledText[];
  readonly seed: number;
  /** Passes over the rows. */
  readonly epochs: number;
  /** Called every few milliseconds with the share of the work done, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const firstRate = 3;
const smallestGradient = 0.002;
const largestClassWeight = 10;
/** 2^15 buckets of this many float32 are 262 MB. */
const mostLabels = 2000;
const rowsPerTurn = 200;

/**
 * Softmax regression by plain stochastic gradient descent, one row at a time, the rate falling linearly to 0. Classes weigh
 * n / (K * count), capped, so that a class of few rows is learned at all. Same rows, seed and epochs: same bits.
 * Throws `invalid_rows` when there is nothing to tell apart, and the signal's reason when it aborts.
 */
export async function trainClassifier(input: TrainingInput): Promise<Classifier> {
  const { rows, epochs, signal } = input;
  signal?.throwIfAborted();
  const labels = listLabels(rows);
  const targets = findTargets(rows, labels);
  const classWeights = weighClasses(targets, labels.length);
  const total = rows.length * (epochs + 1);
  let turns = 0;
  async function takeTurn(): Promise<void> {
    turns += 1;
    if (turns % rowsPerTurn !== 0) return;
    input.onProgress?.(turns / total);
    await yieldToEventLoop();
    signal?.throwIfAborted();
  }

  const featurize = createFeaturizer(defaultFeaturizer);
  const plain: SparseVector[] = [];
  for (const row of rows) {
    plain.push(featurize(row.text));
    await takeTurn();
  }
  const idf = measureRarity(plain, defaultFeaturizer.buckets);
  const vectors = plain.map((vector) => weighByRarity(vector, idf));

  const weights = new Float32Array(defaultFeaturizer.buckets * labels.length);
  const probabilities = new Float64Array(labels.length);
  const order = Int32Array.from(rows.keys());
  const random = createRandom(input.seed);
  let taken = 0;
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    shuffle(order, random);
    for (const index of order) {
      const vector = vectors[index];
      const target = targets[index];
      if (vector === undefined || target === undefined) continue;
      scoreInto(probabilities, weights, vector);
      softmaxInPlace(probabilities);
      const rate = firstRate * (1 - taken / (rows.length * epochs)) * (classWeights[target] ?? 1);
      descend(weights, vector, probabilities, target, rate);
      taken += 1;
      await takeTurn();
    }
  }
  input.onProgress?.(1);
  return { labels, weights, idf, featurizer: defaultFeaturizer };
}

function listLabels(rows: readonly LabelledText[]): string[] {
  const labels = [...new Set(rows.map((row) => row.label))].sort();
  if (labels.length >= 2 && labels.length <= mostLabels) return labels;
  throw new RelearnError(
    'invalid_rows',
    rows.length === 0
      ? 'No rows to train on. Wanted rows of at least two different completions.'
      : `${rows.length} rows with ${labels.length} different completions. The embedded classifier wants 2 to ` +
          `${mostLabels}: its completions are labels, not free text.`,
  );
}

function findTargets(rows: readonly LabelledText[], labels: readonly string[]): Int32Array {
  const position = new Map(labels.map((label, index) => [label, index]));
  return Int32Array.from(rows, (row) => position.get(row.label) ?? 0);
}

function weighClasses(targets: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const target of targets) counts[target] = (counts[target] ?? 0) + 1;
  return counts.map((count) => Math.min(largestClassWeight, targets.length / (classes * count)));
}

/** How rare each bucket is among the rows: ln((1 + rows) / (1 + rows that hold it)) + 1. */
export function measureRarity(vectors: readonly SparseVector[], buckets: number): Float32Array {
  const holding = new Float64Array(buckets);
  for (const { ids } of vectors) for (const id of ids) holding[id] = (holding[id] ?? 0) + 1;
  return Float32Array.from(holding, (count) => Math.log((1 + vectors.length) / (1 + count)) + 1);
}

/** One gradient step, in place. Labels whose gradient is next to nothing are skipped, which halves the time. */
function descend(
  weights: Float32Array,
  vector: SparseVector,
  probabilities: Float64Array,
  target: number,
  rate: number,
): void {
  const labels = probabilities.length;
  for (let label = 0; label < labels; label += 1) {
    const gradient = (probabilities[label] ?? 0) - (label === target ? 1 : 0);
    if (Math.abs(gradient) < smallestGradient) continue;
    for (let index = 0; index < vector.ids.length; index += 1) {
      const at = (vector.ids[index] ?? 0) * labels + label;
      weights[at] = (weights[at] ?? 0) - rate * gradient * (vector.weights[index] ?? 0);
    }
  }
}
