import type { Config } from '../src/config.ts';
import { readExamples } from '../src/jsonl.ts';

/**
 * Reads every file that the configuration names, so that a missing one or a broken line is told at the start and not
 * by the first retrain. Throws `invalid_rows` with file and line.
 */
export async function checkConfiguredFiles(config: Config): Promise<void> {
  const files = Object.values(config.models).flatMap(({ drift, retrain, evals }) => [
    drift.gold,
    retrain.trainer?.base,
    evals?.pack,
  ]);
  for (const file of new Set(files)) {
    if (file !== undefined) await readExamples(file);
  }
}
