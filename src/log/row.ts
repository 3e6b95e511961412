/** Who asked: only production rows count in rates, are tagged or reach a dataset. */
export type Source = 'production' | 'probe' | 'eval';

export type KeptBecause = 'low_confidence' | 'flagged' | 'drift_window' | 'post_drift' | 'healthy';

/** One answered request as it goes to disk: every text in it is redacted. */
export interface LogRow {
  requestId: string;
  ts: Date;
  model: string;
  modelVersion: string;
  /** `promptText` of the redacted messages. */
  prompt: string;
  response: string;
  /** The redacted `OfferedTools` of the request as JSON; left out or null when it offered none. */
  tools?: string | null;
  latencyMs: number;
  /** 16 hex digits, or null when the caller named no user. */
  userIdHash: string | null;
  /** Natural log of the answer's probability (a sum over tokens for an LLM), or null when unknown. */
  responseLogprob: number | null;
  source: Source;
  /** Null: not sampled, the row goes to `recent`. */
  keptBecause: KeptBecause | null;
  /** The chance this row had of being kept, decided at request time. */
  inclusionProbability: number;
  /** The open incident a `post_drift` row belongs to. */
  incident: string | null;
}
