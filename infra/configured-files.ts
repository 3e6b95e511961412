import type { Config } from '../src/config.ts';
import { gateWarnings } from '../src/gate/config-warnings.ts';
import { missingScorers, readPack } from '../src/gate/pack.ts';
import { RelearnError } from '../src/errors.ts';
import { readExamples } from '../src/jsonl.ts';

/**
 * Reads every file that the configuration names, so that a missing one or a broken line is told at the start and not
 * by the first retrain. Throws `invalid_rows` with file and line, or `invalid_config` when
 * an assertion needs an endpoint that is not configured. Returns warnings about gates that would refuse most
 * candidates as good as the champion.
 */
export async function checkConfiguredFiles(config: Config): Promise<string[]> {
  const warnings: string[] = [];
  for (const [model, { drift, retrain, evals }] of Object.entries(config.models)) {
    if (retrain.trainer?.base !== undefined) await readExamples(retrain.trainer.base);
    const gold = drift.gold === undefined ? [] : (await readPack(drift.gold)).cases;
    const pack = evals?.pack === undefined ? [] : (await readPack(evals.pack)).cases;
    const missing = missingScorers([...gold, ...pack], evals);
    if (missing.length > 0) {
      const keys = missing.map((key) => `models.${model}.evals.${key}`).join(' and ');
      throw new RelearnError('invalid_config', `${keys} must be set: cases of the gold set or eval pack need it.`);
    }
    warnings.push(...gateWarnings(evals?.gates ?? [], pack).map((warning) => `${model}: ${warning}`));
  }
  return warnings;
}
