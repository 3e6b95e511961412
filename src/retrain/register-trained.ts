import type { Database } from '../database.ts';
import type { ArtifactStore } from '../promote/artifacts.ts';
import { registerVersion } from '../promote/registry.ts';
import type { TrainerConfig } from './config.ts';
import type { TrainedArtifact } from './trainer.ts';

export interface TrainedFor {
  model: string;
  run: number | null;
  dataset: string | null;
  /** The champion it was trained to replace. */
  parent: string | null;
  trainer: TrainerConfig['kind'];
}

/** Stores what a trainer made and registers it. Returns the version's name. */
export async function registerTrained(
  { db, artifacts }: { db: Database; artifacts: ArtifactStore },
  trained: TrainedArtifact,
  { trainer, ...made }: TrainedFor,
): Promise<string> {
  const artifact = trained.kind === 'onnx' ? await artifacts.put(trained.file) : null;
  const { kind, lowConfidenceBelow, metadata } = trained;
  return registerVersion(db, { ...made, kind, artifact, lowConfidenceBelow, metadata: { trainer, ...metadata } });
}
