import type { Config } from '../src/config.ts';
import { gateWarnings } from '../src/gate/config-warnings.ts';
import { readPack } from '../src/gate/pack.ts';
import { readExamples } from '../src/jsonl.ts';

/**
 * Reads every file that the configuration names, so that a missing one or a broken line is told at the start and not
 * by the first retrain. Throws `invalid_rows` with file and line. Returns warnings about gates that would refuse most
 * candidates as good as the champion.
 */
export async function checkConfiguredFiles(config: Config): Promise<string[]> {
  const warnings: string[] = [];
  for (const [model, { drift, retrain, evals }] of Object.entries(config.models)) {
    for (const file of [drift.gold, retrain.trainer?.base]) if (file !== undefined) await readExamples(file);
    if (evals === undefined) continue;
    const { cases } = await readPack(evals.pack);
    warnings.push(...gateWarnings(evals.gates, cases).map((warning) => `${model}: ${warning}`));
  }
  return warnings;
}
