import type { KeptBecause, Source } from './row.ts';

export interface SamplingInput {
  source: Source;
  /** Natural log of the answer's probability, or null when the model gives none. */
  logprob: number | null;
  /** Every answer below this is kept. */
  lowConfidenceBelow: number;
  /** Someone or something marked the request as worth keeping while it was served. */
  flagged: boolean;
  /** The model's open incident, while its rows are still collected. */
  incident: string | null;
  /** Share of healthy rows to keep, from 0 to 1. */
  healthyRate: number;
  /** `keyedFraction` of the request id, in [0, 1). */
  fraction: number;
}

export interface SamplingDecision {
  /** Null: the row goes to `recent` only. */
  keptBecause: KeptBecause | null;
  /** The chance this row had of being kept, whether it was or not. */
  inclusionProbability: number;
  /** A null logprob is not low confidence. */
  lowConfidence: boolean;
}

/** Decides whether a row is kept for good. The first reason that holds names it. */
export function decideSampling(input: SamplingInput): SamplingDecision {
  const lowConfidence = input.logprob !== null && input.logprob < input.lowConfidenceBelow;
  const certainly = (keptBecause: KeptBecause) => ({ keptBecause, inclusionProbability: 1, lowConfidence });
  if (lowConfidence) return certainly('low_confidence');
  if (input.flagged) return certainly('flagged');
  if (input.incident !== null && input.source === 'production') return certainly('post_drift');
  return {
    keptBecause: input.fraction < input.healthyRate ? 'healthy' : null,
    inclusionProbability: input.healthyRate,
    lowConfidence,
  };
}
