import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { RelearnError } from '../../src/errors.ts';
import { lockOwner } from '../lock.ts';
import { stackLock } from '../stack-file.ts';
import type { DemoStory } from './story.ts';

const firstLine = '# Written by `relearn demo`. Its next run removes this folder.';

/**
 * Makes `directory` an empty one, by removing what an earlier demo left there. Throws `stack_failed` while that demo
 * still runs, and `invalid_arguments` when the folder holds something else.
 */
export async function clearDemoState(directory: string): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  if (entries.length > 0) {
    const owner = await lockOwner(stackLock(directory));
    if (owner !== undefined) {
      throw new RelearnError(
        'stack_failed',
        `A demo runs in ${directory} already (process ${owner}). Stop it with Ctrl-C before you start another.`,
      );
    }
    const config = await readFile(configPath(directory), 'utf8').catch(() => '');
    if (!config.startsWith(firstLine)) {
      throw new RelearnError(
        'invalid_arguments',
        `${directory} is not a demo's state, so the demo leaves it alone. Move it away, or start elsewhere.`,
      );
    }
    await rm(directory, { recursive: true });
  }
  await mkdir(directory, { recursive: true });
  // Marks the folder as ours from its first moment: a demo that is killed must not block the next one.
  await writeFile(configPath(directory), `${firstLine}\n`);
}

/** Writes the demo's relearn.yaml and returns its path. */
export async function writeDemoConfig(directory: string, story: DemoStory): Promise<string> {
  const { healthy, base, gold, pack, minCorrected } = story;
  const referenceRequests = Math.min(500, Math.ceil(healthy.length / 2));
  const config = {
    stateDir: '.',
    models: {
      [story.model]: {
        serve: { kind: 'onnx' },
        // The demo's mail knows no hours.
        drift: { everySeconds: 2, gold, referenceRequests, lowConfidence: { firstDayMargin: 0.05 } },
        retrain: { minCorrected, trainer: { kind: 'embedded', base } },
        evals: { pack, gates: [{ metric: 'pass_rate', slice: 'all', required: true, maxDrop: 0.03 }] },
      },
    },
  };
  await writeFile(configPath(directory), `${firstLine}\n${stringify(config)}`);
  return configPath(directory);
}

const configPath = (directory: string) => join(directory, 'relearn.yaml');
