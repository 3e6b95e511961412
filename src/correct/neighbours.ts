import { classifierText, promptMessages } from '../chat.ts';
import type { Database } from '../database.ts';
import { createFeaturizer, defaultFeaturizer, type SparseVector } from '../retrain/embedded/featurize.ts';

export interface Neighbour {
  /** The corrected row. */
  requestId: string;
  /** Cosine of the two prompts' n-grams, weighed by rarity: 1 for the same words. */
  similarity: number;
}

export interface Neighbours {
  /** The corrected row whose prompt is most like this one; null when none is like it. */
  find(model: string, prompt: string): Neighbour | null;
  /** Reads the corrections that were made since the last time. */
  refresh(model: string): Promise<void>;
}

interface Known {
  lastSeq: number;
  vectors: Map<string, SparseVector>;
  /** In how many prompts each feature occurs. */
  counts: Uint32Array;
}

/** Of the newest corrections of a model. */
const mostKnown = 5000;
/** The beginning of a long prompt says what it is about. */
const longestRead = 4000;
const leastSimilarity = 0.5;

/** Finds corrected rows that ask the same, by the features that the embedded classifier reads. In memory. */
export function createNeighbours(db: Database): Neighbours {
  const featurize = createFeaturizer(defaultFeaturizer);
  const models = new Map<string, Known>();

  function knownOf(model: string): Known {
    let known = models.get(model);
    if (known === undefined) {
      known = { lastSeq: 0, vectors: new Map(), counts: new Uint32Array(defaultFeaturizer.buckets) };
      models.set(model, known);
    }
    return known;
  }

  function read(prompt: string): SparseVector {
    return featurize(classifierText(promptMessages(prompt)).slice(0, longestRead));
  }

  function add(known: Known, requestId: string, prompt: string): void {
    if (known.vectors.has(requestId)) return;
    const vector = read(prompt);
    known.vectors.set(requestId, vector);
    for (const id of vector.ids) known.counts[id] = (known.counts[id] ?? 0) + 1;
    const [oldest] = known.vectors;
    if (oldest === undefined || known.vectors.size <= mostKnown) return;
    known.vectors.delete(oldest[0]);
    for (const id of oldest[1].ids) known.counts[id] = (known.counts[id] ?? 1) - 1;
  }

  return {
    async refresh(model) {
      const known = knownOf(model);
      const rows = await readCorrected(db, model, known.lastSeq);
      for (const { requestId, prompt } of rows) add(known, requestId, prompt);
      known.lastSeq = rows.at(-1)?.seq ?? known.lastSeq;
    },

    find(model, prompt) {
      const known = knownOf(model);
      const rarity = (id: number) => Math.log((known.vectors.size + 1) / ((known.counts[id] ?? 0) + 1)) + 1;
      const asked = new Map<number, number>();
      const vector = read(prompt);
      vector.ids.forEach((id, index) => asked.set(id, (vector.weights[index] ?? 0) * rarity(id)));
      const length = Math.hypot(...asked.values());
      let best: Neighbour | null = null;
      for (const [requestId, { ids, weights }] of known.vectors) {
        let product = 0;
        let squares = 0;
        for (let index = 0; index < ids.length; index += 1) {
          const id = ids[index] ?? 0;
          const weight = (weights[index] ?? 0) * rarity(id);
          squares += weight * weight;
          product += weight * (asked.get(id) ?? 0);
        }
        const similarity = squares === 0 || length === 0 ? 0 : product / (length * Math.sqrt(squares));
        if (similarity >= leastSimilarity && similarity > (best?.similarity ?? 0)) best = { requestId, similarity };
      }
      return best;
    },
  };
}

async function readCorrected(
  db: Database,
  model: string,
  afterSeq: number,
): Promise<{ seq: number; requestId: string; prompt: string }[]> {
  return db.query(
    `select * from (
       select c.seq, c.request_id as "requestId", s.prompt
       from relearn.corrections c join relearn.samples s on s.request_id = c.request_id
       where c.model = $1 and c.seq > $2 and c.verified
       order by c.seq desc limit ${mostKnown}
     ) newest order by seq`,
    [model, afterSeq],
  );
}
