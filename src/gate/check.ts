import type { Message } from '../chat.ts';

/** What a case asked, and what a version answered. */
export interface Given {
  messages: readonly Message[];
  text: string;
  latencyMs: number;
}

/** How an answer did. `score` is between 0 and 1. */
export interface Outcome {
  passed: boolean;
  score: number;
}

/** What scores that this process cannot compute. Each answers null when its endpoint gave none: unknown, not failed. */
export interface Scorers {
  /** Cosine similarity of the text and the nearest of the wanted ones. */
  similarity: (text: string, wanted: readonly string[]) => Promise<number | null>;
  /** Whether the answer meets the rubric, by the configured judge. */
  rubric: (given: Given, rubric: string) => Promise<Outcome | null>;
}

/** One assertion, ready to run. */
export interface Check {
  weight: number;
  /** What it needs beside the answer's text. */
  needs?: 'judge' | 'embeddings' | 'latency';
  /** Null when it cannot be told. */
  run(given: Given, scorers: Scorers): Promise<Outcome | null>;
}

/**
 * Runs the checks of one case, weighted as promptfoo does: the score is the weighted mean; with a threshold, the answer
 * passes when its score reaches it, else when every check passes. A check of weight 0 is shown and never decides.
 * Null when a check that counts cannot be told.
 */
export async function runChecks(
  { checks, threshold }: { checks: readonly Check[]; threshold?: number | undefined },
  given: Given,
  scorers: Scorers,
): Promise<Outcome | null> {
  const counting = checks.filter(({ weight }) => weight > 0);
  let [sum, weights, all] = [0, 0, true];
  const outcomes = await Promise.all(counting.map((check) => check.run(given, scorers)));
  for (const [place, { weight }] of counting.entries()) {
    const outcome = outcomes[place] ?? null;
    if (outcome === null) return null;
    sum += outcome.score * weight;
    weights += weight;
    all &&= outcome.passed;
  }
  const score = weights === 0 ? 1 : sum / weights;
  return { passed: threshold === undefined ? all : score >= threshold - 1e-9, score };
}
