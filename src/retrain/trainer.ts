import type { TrainingFiles } from './training-rows.ts';

/** What a trainer learns from. */
export interface TrainingDataset {
  /** Corrected rows as chat pairs; none for a first version. */
  readonly corrected?: string | undefined;
  /** A share of the base set as chat pairs, for trainers that continue from a model and would forget. */
  readonly replay?: string | undefined;
  /** JSONL of prompt and completion that no trainer may learn from: gold set and eval pack. */
  readonly calibration: readonly string[];
}

/** What a candidate starts from. */
export interface TrainingBase {
  /** Names the run to a trainer that must not start twice: the same name, the same job. */
  readonly key: string;
  /** Folder of the run: files under construction, checkpoints. It outlives a killed worker. */
  readonly folder: string;
}

/**
 * The name of a run to trainers and what they leave elsewhere, as model/run/dataset. Two installations that share an account
 * or an upstream, or one that begins anew, count the same runs; they do not learn from the same dataset.
 */
export function nameRun({ model, run, dataset }: { model: string; run: number; dataset: string }): string {
  return `${model}/${run}/${dataset.slice(0, 12)}`;
}

/** What came out: a file to be served here, or a model that an upstream serves. */
export type TrainedArtifact = {
  /** Natural log, as calibrated on gold set and eval pack; null without. */
  lowConfidenceBelow: number | null;
  seconds: number;
  /** Counts and settings for the registry; no text. */
  metadata: Record<string, unknown>;
} & ({ kind: 'onnx'; file: string } | { kind: 'upstream' });

/**
 * One way to train. `onProgress` gets the share of the work done, 0 to 1. An abort ends the training and rejects with the
 * signal's reason; a call after a killed worker takes up or replaces what that one left.
 */
export type Trainer = (
  dataset: TrainingDataset,
  base: TrainingBase,
  onProgress: (share: number) => void,
  signal: AbortSignal,
) => Promise<TrainedArtifact>;

/** Reasons of an abort after which another worker takes the run up, in Temporal's words. */
const handedOver = new Set(['WORKER_SHUTDOWN', 'TIMED_OUT', 'NOT_FOUND', 'PAUSED', 'RESET']);

/** Whether an aborted training is over: a job elsewhere is to be cancelled then, and only then. */
export function isOver({ reason }: AbortSignal): boolean {
  return !(reason instanceof Error && handedOver.has(reason.message));
}

/** The files of trainers that learn from base and corrected rows together. */
export function filesOf(dataset: TrainingDataset, rows: string): TrainingFiles {
  return { base: rows, dataset: dataset.corrected, calibration: dataset.calibration };
}
