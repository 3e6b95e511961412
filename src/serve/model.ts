import type { Message } from '../chat.ts';

/** What a model said, and how sure it was. */
export interface Answer {
  text: string;
  /** Natural log of the answer's probability; null when the model gives none. */
  logprob: number | null;
}

/** One loaded version of a model, ready to answer. */
export interface ServedModel {
  readonly version: string;
  /** Embedded models read the redacted prompt (invariant 12); an upstream reads what the user wrote. */
  readonly readsRedacted: boolean;
  /** Answers each conversation, in order. */
  answer(conversations: readonly (readonly Message[])[], signal?: AbortSignal): Promise<Answer[]>;
  /** Frees the model. Callers make sure no answer is under way. */
  close(): Promise<void>;
}
