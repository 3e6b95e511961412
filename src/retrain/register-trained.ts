import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { ArtifactStore } from '../promote/artifacts.ts';
import { registerVersion } from '../promote/registry.ts';
import { nameEndpoint, readUpstream } from '../promote/upstream-version.ts';
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

/** Stores what a trainer made and registers it. Returns the version's name. Throws `invalid_artifact` for an adapter that another version is. */
export async function registerTrained(
  { db, artifacts }: { db: Database; artifacts: ArtifactStore },
  trained: TrainedArtifact,
  { trainer, serve, ...made }: TrainedFor,
): Promise<string> {
  const artifact = trained.kind === 'onnx' ? await artifacts.put(trained.file) : null;
  const { kind, lowConfidenceBelow } = trained;
  const endpoint = kind === 'upstream' && serve.kind === 'upstream' ? nameEndpoint(serve.url) : {};
  const metadata = { trainer, ...trained.metadata, ...endpoint };
  if (kind === 'upstream') await requireNewAdapter(db, made, metadata);
  return registerVersion(db, { ...made, kind, artifact, lowConfidenceBelow, metadata });
}

/** A vLLM keeps an adapter by its name: under one that is taken, the weights of the other version would be asked. */
async function requireNewAdapter(
  db: Database,
  { model, run }: Pick<TrainedFor, 'model' | 'run'>,
  metadata: Record<string, unknown>,
): Promise<void> {
  const { upstreamModel, loraPath, endpointSha256 = null } = readUpstream({ metadata });
  if (loraPath === undefined) return;
  const [taken] = await db.query<{ model: string; version: string }>(
    `select model, version from relearn.versions
     where (metadata ->> 'upstreamModel' = $3 or metadata ->> 'loraPath' = $4)
       and (model = $1 or metadata ->> 'endpointSha256' = $5)
       and (model = $1 and run = $2) is not true
     order by n limit 1`,
    [model, run, upstreamModel ?? null, loraPath, endpointSha256],
  );
  if (taken === undefined) return;
  throw new RelearnError(
    'invalid_artifact',
    `The trainer named an adapter by a name or folder that version ${taken.version} of ${taken.model} has: the upstream would ` +
      'go on with the weights it has loaded. Wanted a name and a folder of its own for each run, such as RELEARN_RUN.',
  );
}
