/** How a text becomes a sparse vector. Travels in the model's metadata, so that serving repeats what training did. */
export interface FeaturizerParameters {
  /** Names the algorithm below. Any change of it that moves a feature needs a new version. */
  readonly version: typeof featurizerVersion;
  /** Size of the vector, a power of two: all n-grams are hashed into these buckets. */
  readonly buckets: number;
  /** Word n-grams from one word to this many. */
  readonly wordMax: 1 | 2;
  /** Character n-grams within the borders of a word, from `charMin` to `charMax` characters, borders included. */
  readonly charMin: number;
  readonly charMax: number;
}

export const featurizerVersion = 'hashed-ngrams-1';

export const defaultFeaturizer: FeaturizerParameters = {
  version: featurizerVersion,
  buckets: 2 ** 15,
  wordMax: 2,
  charMin: 3,
  charMax: 5,
};

/** A sparse vector: `weights[i]`, 1 + ln(count), stands at bucket `ids[i]`; ids are distinct. Both empty for no text. */
export interface SparseVector {
  readonly ids: Int32Array;
  readonly weights: Float32Array;
}

export type Featurizer = (text: string) => SparseVector;

const space = 32;
const wordSeed = 0x811c9dc5;
const pairSeed = 0x1b873593;
const charSeed = 0x2545f491;

/**
 * Makes a featuriser: words and pairs of words, and character n-grams that do not cross white space, hashed
 * ("hashing trick", Weinberger et al. 2009), counts dampened to 1 + ln(count). The classifier weighs buckets by rarity and
 * scales to length 1. Reads UTF-16 code units, so any string will do; time is linear in its length.
 */
export function createFeaturizer(parameters: FeaturizerParameters): Featurizer {
  const { buckets, wordMax, charMin, charMax } = parameters;
  const mask = buckets - 1;
  const counts = new Uint32Array(buckets);
  const touched = new Int32Array(buckets);
  let size = 0;

  function add(hash: number): void {
    const id = spread(hash) & mask;
    if (counts[id] === 0) touched[size++] = id;
    counts[id] = (counts[id] ?? 0) + 1;
  }

  function addWords(text: string): void {
    let previous = 0;
    let hash = wordSeed;
    let inWord = false;
    for (let index = 0; index <= text.length; index += 1) {
      const unit = index < text.length ? text.charCodeAt(index) : space;
      if (isWordUnit(unit)) {
        hash = step(hash, unit);
        inWord = true;
      } else if (inWord) {
        add(hash);
        if (wordMax === 2 && previous !== 0) add(step(Math.imul(previous, pairSeed), hash));
        previous = hash;
        hash = wordSeed;
        inWord = false;
      }
    }
  }

  function addCharacters(text: string): void {
    // Each run of non-space is read with one space before and after it.
    let start = 0;
    while (start < text.length) {
      if (isSpace(text.charCodeAt(start))) {
        start += 1;
        continue;
      }
      let end = start + 1;
      while (end < text.length && !isSpace(text.charCodeAt(end))) end += 1;
      for (let from = start - 1; from + charMin <= end + 1; from += 1) {
        const to = Math.min(from + charMax, end + 1);
        let hash = charSeed;
        for (let at = from; at < to; at += 1) {
          hash = step(hash, at < start || at >= end ? space : text.charCodeAt(at));
          if (at - from + 1 >= charMin) add(hash);
        }
      }
      start = end;
    }
  }

  return (text) => {
    const lower = text.toLowerCase();
    size = 0;
    addWords(lower);
    addCharacters(lower);
    const ids = touched.slice(0, size);
    const weights = new Float32Array(size);
    for (let index = 0; index < size; index += 1) {
      const id = ids[index] ?? 0;
      weights[index] = 1 + Math.log(counts[id] ?? 1);
      counts[id] = 0;
    }
    return { ids, weights };
  };
}

/** One step of FNV-1a, on a code unit or a hash (Fowler, Noll, Vo; RFC 9923). */
function step(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

/** MurmurHash3's finaliser: FNV's low bits alone collide too often. */
function spread(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function isSpace(unit: number): boolean {
  return unit <= space || unit === 0xa0 || (unit >= 0x2000 && unit <= 0x200a) || unit === 0x3000;
}

/**
 * Letters, digits and `_`. Beyond ASCII all but the punctuation blocks counts, by fixed ranges: Unicode tables differ
 * between versions of Node, and then a model would read other features than it learned.
 */
function isWordUnit(unit: number): boolean {
  if (unit < 0x80) {
    return (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57) || unit === 95;
  }
  return unit >= 0xc0 && !(unit >= 0x2000 && unit <= 0x206f) && !(unit >= 0x3000 && unit <= 0x303f);
}
