import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import type { ArtifactStore } from '../promote/artifacts.ts';
import { registerVersion } from '../promote/registry.ts';
import { nameEndpoint } from '../promote/upstream-version.ts';
import type { TrainerConfig } from './config.ts';
import type { TrainedArtifact } from './trainer.ts';

export interface TrainedFor {
  model: string;
  run: number | null;
  dataset: string | null;
  /** The champion it was trained to replace. */
  parent: string | null;
  trainer: TrainerConfig['kind'];
  /** The endpoint whose model it is, if it is one. */
  serve: ModelConfig['serve'];
}

/** Stores what a trainer made and registers it. Returns the version's name. */
export async function registerTrained(
  { db, artifacts }: { db: Database; artifacts: ArtifactStore },
  trained: TrainedArtifact,
  { trainer, serve, ...made }: TrainedFor,
): Promise<string> {
  const artifact = trained.kind === 'onnx' ? await artifacts.put(trained.file) : null;
  const { kind, lowConfidenceBelow } = trained;
  const endpoint = kind === 'upstream' && serve.kind === 'upstream' ? nameEndpoint(serve.url) : {};
  const metadata = { trainer, ...trained.metadata, ...endpoint };
  return registerVersion(db, { ...made, kind, artifact, lowConfidenceBelow, metadata });
}
