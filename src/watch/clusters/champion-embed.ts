import { RelearnError } from '../../errors.ts';
import type { ArtifactStore } from '../../promote/artifacts.ts';
import type { Version } from '../../promote/registry.ts';
import { readOnnxFile } from '../../retrain/embedded/read-onnx.ts';
import { encoderKey } from '../../retrain/encoder/encoder-format.ts';
import { loadOnnxModelInThread } from '../../serve/onnx-thread.ts';
import { cacheEmbeddings, type Embed, type Embedder } from './embed-cache.ts';

/** Some milliseconds each: what an abort, or the end of an attempt, may lose. */
const textsAtOnce = 16;

/**
 * Embeds texts as the champion of a model reads them, where that is a sentence encoder; null where it is not. It is the
 * served artifact, its digest checked each time it is loaded, in a thread of its own that ends with the call: no answer waits
 * behind it. Vectors are kept while the champion stays. Throws `invalid_artifact` or `artifacts_unavailable`.
 */
export function createChampionEmbed(artifacts: ArtifactStore): (champion: Version) => Promise<Embed | null> {
  const known = new Map<string, { artifact: string; embed: Embed | null }>();

  return async ({ model, version, artifact }) => {
    if (artifact === null) return null;
    const held = known.get(model);
    if (held?.artifact === artifact) return held.embed;
    const isEncoder = (await readOnnxFile(await artifacts.get(artifact))).metadata.has(encoderKey);
    const open = () => openEmbedder(artifacts, { artifact, version });
    const embed = isEncoder ? cacheEmbeddings(open, textsAtOnce) : null;
    known.set(model, { artifact, embed });
    return embed;
  };
}

async function openEmbedder(
  artifacts: ArtifactStore,
  { artifact, version }: { artifact: string; version: string },
): Promise<Embedder> {
  const model = await loadOnnxModelInThread(await artifacts.get(artifact), version);
  if (model.embed !== undefined) return { embed: model.embed, close: () => model.close() };
  await model.close();
  throw new RelearnError('invalid_artifact', `Version ${version} is no sentence encoder. Train the version again.`);
}
