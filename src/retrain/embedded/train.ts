import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { RelearnError } from '../../errors.ts';
import { weighByRarity, type Classifier } from './classify.ts';
import { createFeaturizer, defaultFeaturizer, type SparseVector } from './featurize.ts';
import { trainSoftmax } from './softmax.ts';

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
/**
 * Chosen with the square root of the rarity on splits of CLINC150's base set, a third of the intents or two of six domains
 * taken as new: at 50 rows each, new intents 91.6 and 92.8 % (91.4 and 92.5 with margin 1 and no root), known ones the same;
 * at 5 rows each they lose 1 to 2.5 points of a lead of 5 to 9 over LinearSVC.
 */
const margin = 2;
/** 2^15 buckets of this many float32 are 262 MB. */
const mostLabels = 2000;
const rowsPerTurn = 200;
/** Featurising a row costs about half of a pass over it. */
const featurizingPasses = 0.5;

/**
 * The text classifier from labelled texts: hashed n-grams, weighed by rarity, and softmax regression. Same rows, seed and
 * epochs: same bits. Throws `invalid_rows` when there is nothing to tell apart, and the signal's reason when it aborts.
 */
export async function trainClassifier(input: TrainingInput): Promise<Classifier> {
  const { rows, seed, epochs, signal, onProgress = () => {} } = input;
  signal?.throwIfAborted();
  const labels = listLabels(rows);
  const targets = findTargets(rows, labels);
  const featurizing = featurizingPasses / (featurizingPasses + epochs);

  const featurize = createFeaturizer(defaultFeaturizer);
  const plain: SparseVector[] = [];
  for (const row of rows) {
    plain.push(featurize(row.text));
    if (plain.length % rowsPerTurn !== 0) continue;
    onProgress((plain.length / rows.length) * featurizing);
    await yieldToEventLoop();
    signal?.throwIfAborted();
  }
  const { buckets } = defaultFeaturizer;
  const idf = measureRarity(plain, buckets).map(Math.sqrt); // dampened: rare spellings tell less than idf has it
  const vectors = plain.map((vector) => weighByRarity(vector, idf));
  const problem = { vectors, targets, labels: labels.length, dimension: buckets, seed, epochs, firstRate, margin };
  const advance = (share: number) => onProgress(featurizing + share * (1 - featurizing));
  const weights = await trainSoftmax(problem, advance, signal);
  onProgress(1);
  return { labels, weights, idf, featurizer: defaultFeaturizer };
}

/** The different labels, in code unit order. Throws `invalid_rows`. */
export function listLabels(rows: readonly LabelledText[]): string[] {
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

export function findTargets(rows: readonly LabelledText[], labels: readonly string[]): Int32Array {
  const position = new Map(labels.map((label, index) => [label, index]));
  return Int32Array.from(rows, (row) => position.get(row.label) ?? 0);
}

/** How rare each bucket is among the rows: ln((1 + rows) / (1 + rows that hold it)) + 1. */
export function measureRarity(vectors: readonly SparseVector[], buckets: number): Float32Array {
  const holding = new Float64Array(buckets);
  for (const { ids } of vectors) for (const id of ids) holding[id] = (holding[id] ?? 0) + 1;
  return Float32Array.from(holding, (count) => Math.log((1 + vectors.length) / (1 + count)) + 1);
}
