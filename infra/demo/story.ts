import type { Example } from '../../src/jsonl.ts';

/** A request of the demo's production, and what a person would answer. Only the simulated reviewer reads `truth`. */
export interface TrafficRow {
  prompt: string;
  truth: string;
}

/** Everything the demo tells: what the model learns from, what production asks, and what quality is measured on. */
export interface DemoStory {
  model: string;
  /** JSONL files of prompt and completion. */
  base: string;
  gold: string;
  pack: string;
  healthy: TrafficRow[];
  drifted: TrafficRow[];
  /** Rows that are neither trained on nor sent to production. */
  groups: { name: string; rows: Example[] }[];
  /** Corrected rows of the incident that trigger the retrain. */
  minCorrected: number;
}
