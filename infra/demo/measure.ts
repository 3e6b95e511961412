import { redactText } from '../../src/log/redact/index.ts';
import { getVersion } from '../../src/promote/registry.ts';
import { RelearnError } from '../../src/errors.ts';
import { loadOnnxModel } from '../../src/serve/onnx.ts';
import { openArtifacts } from '../artifacts.ts';
import type { Runtime } from '../runtime.ts';
import type { DemoStory } from './story.ts';

/**
 * The share of right answers of a version on each group, 0 to 1. It asks the version's file and not the gateway: test
 * rows must not enter the log of production.
 */
export async function measureGroups(
  { db, config, environment }: Pick<Runtime, 'db' | 'config' | 'environment'>,
  { model, groups }: DemoStory,
  version: string,
): Promise<number[]> {
  const { artifact } = await getVersion(db, model, version);
  if (artifact === null) throw new RelearnError('invalid_artifact', `Version ${version} of ${model} has no artifact.`);
  const path = await openArtifacts(config, environment.secret).get(artifact);
  const loaded = await loadOnnxModel(path, version);
  try {
    const shares: number[] = [];
    for (const { rows } of groups) {
      const answers = await loaded.answer(
        rows.map(({ prompt }) => [{ role: 'user', content: redactText(prompt).text }]),
      );
      const right = rows.filter(({ completion }, index) => answers[index]?.text === completion).length;
      shares.push(right / rows.length);
    }
    return shares;
  } finally {
    await loaded.close();
  }
}
