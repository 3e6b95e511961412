const shingleLength = 5;
const sketchSize = 64;
/** Texts are looked up by their smallest hashes: two copies share fewer than two of eight once in 10,000 cases. */
const lookedUp = 8;

/** Two texts at or above this share of common shingles are copies of each other. */
const copyThreshold = 0.8;

/**
 * Finds copies of known texts, exact and near. Texts are folded (case, punctuation, digits and white space do not
 * count) and compared by the Jaccard similarity of their character 5-grams, estimated from bottom-k sketches
 * (Broder 1997, "On the resemblance and containment of documents"); texts of up to 64 shingles are compared exactly.
 */
export class KnownTexts {
  #sketches: Uint32Array[] = [];
  #byHash = new Map<number, number[]>();

  add(text: string): void {
    this.#addSketch(sketchOf(text));
  }

  hasCopyOf(text: string): boolean {
    return this.#find(sketchOf(text)) !== undefined;
  }

  /** The place, in the order of adding, of the first text that this one is a copy of. A text without one is added. */
  copyOrAdd(text: string): number | undefined {
    const sketch = sketchOf(text);
    const known = this.#find(sketch);
    if (known === undefined) this.#addSketch(sketch);
    return known;
  }

  #addSketch(sketch: Uint32Array): void {
    const index = this.#sketches.length;
    this.#sketches.push(sketch);
    for (const hash of sketch.subarray(0, lookedUp)) {
      const holders = this.#byHash.get(hash);
      if (holders === undefined) this.#byHash.set(hash, [index]);
      else holders.push(index);
    }
  }

  #find(sketch: Uint32Array): number | undefined {
    const shared = new Map<number, number>();
    for (const hash of sketch.subarray(0, lookedUp)) {
      for (const index of this.#byHash.get(hash) ?? []) shared.set(index, (shared.get(index) ?? 0) + 1);
    }
    const needed = Math.min(2, sketch.length);
    let first: number | undefined;
    for (const [index, count] of shared) {
      const known = this.#sketches[index];
      if (count < needed || known === undefined || (first !== undefined && index > first)) continue;
      if (similarity(sketch, known) >= copyThreshold) first = index;
    }
    return first;
  }
}

/** The 64 smallest distinct hashes of the text's shingles, ascending. */
function sketchOf(text: string): Uint32Array {
  const folded = ` ${foldText(text)} `;
  const hashes = new Uint32Array(Math.max(1, folded.length - shingleLength + 1));
  for (let start = 0; start < hashes.length; start += 1) {
    hashes[start] = hashShingle(folded, start, Math.min(start + shingleLength, folded.length));
  }
  return hashes
    .sort()
    .filter((hash, place) => place === 0 || hash !== hashes[place - 1])
    .subarray(0, sketchSize);
}

/** Share of common hashes among the smallest of both sketches together. */
function similarity(a: Uint32Array, b: Uint32Array): number {
  // A full sketch is a sample of its text: only the smallest hashes of the union are fair to count.
  const limit = Math.max(a.length, b.length) < sketchSize ? Infinity : sketchSize;
  if (Math.min(a.length, b.length) < copyThreshold * Math.max(a.length, b.length)) return 0;
  let [i, j, seen, common] = [0, 0, 0, 0];
  while ((i < a.length || j < b.length) && seen < limit) {
    const left = a[i] ?? Infinity;
    const right = b[j] ?? Infinity;
    if (left === right) common += 1;
    if (left <= right) i += 1;
    if (right <= left) j += 1;
    seen += 1;
  }
  return seen === 0 ? 0 : common / seen;
}

/** A text without case, punctuation, digits and runs of white space; one of nothing else keeps them. */
export function foldText(text: string): string {
  const plain = text.normalize('NFKC').toLowerCase();
  return plain.replace(/[\p{P}\p{S}\p{N}\s\p{Cf}]+/gu, ' ').trim() || plain.trim();
}

/** FNV-1a over UTF-16 code units, with a final mix so that the smallest hashes are a fair sample. */
function hashShingle(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
