import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { scoreInto, softmaxInPlace } from './classify.ts';
import type { SparseVector } from './featurize.ts';
import { createRandom, shuffle } from './random.ts';

export interface SoftmaxProblem {
  readonly vectors: readonly SparseVector[];
  /** Of each vector, the index of its label. */
  readonly targets: Int32Array;
  readonly labels: number;
  /** Length of a vector with its zeros. */
  readonly dimension: number;
  readonly seed: number;
  /** Passes over the rows. */
  readonly epochs: number;
  /** Size of the first step; it falls linearly to 0. */
  readonly firstRate: number;
  /** The target's score is lowered by this while training, so that rows that are only just right still teach. */
  readonly margin: number;
}

/** Below it a label's gradient is skipped. */
const smallestGradient = 0.005;
const largestClassWeight = 10;
const rowsPerTurn = 200;

/**
 * Softmax regression by plain stochastic gradient descent, one row at a time. Classes weigh n / (K * count), capped, so
 * that a class of few rows is learned at all. Same input, same bits. Returns the weights, row-major `[dimension][labels]`.
 * `onProgress` gets the share of the work done, 0 to 1, every few milliseconds. Throws the signal's reason when it aborts.
 */
export async function trainSoftmax(
  problem: SoftmaxProblem,
  onProgress: (fraction: number) => void,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { vectors, targets, labels, epochs, margin } = problem;
  const classWeights = weighClasses(targets, labels);
  const weights = new Float32Array(problem.dimension * labels);
  const probabilities = new Float64Array(labels);
  const order = Int32Array.from(vectors.keys());
  const random = createRandom(problem.seed);
  const steps = vectors.length * epochs;
  let taken = 0;
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    shuffle(order, random);
    for (const index of order) {
      const vector = vectors[index];
      const target = targets[index];
      if (vector === undefined || target === undefined) continue;
      scoreInto(probabilities, weights, vector);
      probabilities[target] = (probabilities[target] ?? 0) - margin;
      softmaxInPlace(probabilities);
      const rate = problem.firstRate * (1 - taken / steps) * (classWeights[target] ?? 1);
      descend(weights, vector, probabilities, target, rate);
      taken += 1;
      if (taken % rowsPerTurn !== 0) continue;
      onProgress(taken / steps);
      await yieldToEventLoop();
      signal?.throwIfAborted();
    }
  }
  return weights;
}

function weighClasses(targets: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const target of targets) counts[target] = (counts[target] ?? 0) + 1;
  return counts.map((count) => Math.min(largestClassWeight, targets.length / (classes * count)));
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
