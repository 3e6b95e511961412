const shingleLength = 5;
const sketchSize = 64;

/** Two texts at or above this share of common shingles are copies of each other. */
const copyThreshold = 0.8;

/**
 * Finds copies of reserved texts, exact and near. Texts are folded (case, punctuation, digits and white space do not
 * count) and compared by the Jaccard similarity of their character 5-grams, estimated from bottom-k sketches
 * (Broder 1997, "On the resemblance and containment of documents"); texts of up to 64 shingles are compared exactly.
 */
export class ReservedTexts {
  #sketches: Uint32Array[] = [];
  #byHash = new Map<number, number[]>();

  add(text: string): void {
    const index = this.#sketches.length;
    const sketch = sketchOf(text);
    this.#sketches.push(sketch);
    for (const hash of sketch) {
      const holders = this.#byHash.get(hash);
      if (holders === undefined) this.#byHash.set(hash, [index]);
      else holders.push(index);
    }
  }

  hasCopyOf(text: string): boolean {
    const sketch = sketchOf(text);
    const candidates = new Set<number>();
    for (const hash of sketch) for (const index of this.#byHash.get(hash) ?? []) candidates.add(index);
    for (const index of candidates) {
      const reserved = this.#sketches[index];
      if (reserved !== undefined && similarity(sketch, reserved) >= copyThreshold) return true;
    }
    return false;
  }
}

/** The 64 smallest distinct hashes of the text's shingles, ascending. */
function sketchOf(text: string): Uint32Array {
  const folded = ` ${foldText(text)} `;
  const hashes = new Set<number>();
  for (let start = 0; start === 0 || start + shingleLength <= folded.length; start += 1) {
    hashes.add(hashShingle(folded, start, Math.min(start + shingleLength, folded.length)));
  }
  return Uint32Array.from(hashes).sort().subarray(0, sketchSize);
}

/** Share of common hashes among the smallest of both sketches together. */
function similarity(a: Uint32Array, b: Uint32Array): number {
  // A full sketch is a sample of its text: only the smallest hashes of the union are fair to count.
  const limit = Math.max(a.length, b.length) < sketchSize ? Infinity : sketchSize;
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

/** A text without case, punctuation, digits and runs of white space. */
export function foldText(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{P}\p{S}\p{N}\s\p{Cf}]+/gu, ' ')
    .trim();
}

/** FNV-1a over UTF-16 code units, with a final mix so that the smallest hashes are a fair sample. */
function hashShingle(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
