import { readPack } from '../gate/pack.ts';

/** One case of the gold set: what is asked, and what the model must answer. */
export interface GoldCase {
  /** First 12 hex digits of the SHA-256 of the prompt. */
  id: string;
  prompt: string;
  completion: string;
}

export interface GoldSet {
  /** SHA-256 of the file, in hex: a changed gold set needs a new baseline. */
  sha256: string;
  cases: GoldCase[];
}

export interface GoldScore {
  passed: number;
  /** Ids of the cases that failed, in the order of the set. */
  failedCases: string[];
}

/** Reads a gold set. Throws `invalid_rows` with file and line for a broken one; see `readPack`. */
export async function readGoldSet(path: string): Promise<GoldSet> {
  const { sha256, cases } = await readPack(path);
  return { sha256, cases: cases.map(({ id, prompt, completion }) => ({ id, prompt, completion })) };
}

/**
 * Scores one run: `answers[i]` is what the model said to `cases[i]`, null when it gave no answer. A case passes when
 * both texts are equal without the white space around them.
 */
export function scoreGoldRun(cases: readonly GoldCase[], answers: readonly (string | null)[]): GoldScore {
  if (answers.length !== cases.length) {
    throw new RangeError(`${answers.length} answers for ${cases.length} cases: wanted one a case`);
  }
  const failedCases = cases
    .filter(({ completion }, index) => answers[index]?.trim() !== completion.trim())
    .map(({ id }) => id);
  return { passed: cases.length - failedCases.length, failedCases };
}
