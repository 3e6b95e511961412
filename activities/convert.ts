import { KnownTexts } from '../src/convert/copies.ts';
import { buildDataset } from '../src/convert/dataset.ts';
import { countNewRows, wasTried } from '../src/convert/rows.ts';
import { RelearnError } from '../src/errors.ts';
import { readExamples } from '../src/jsonl.ts';
import { redactText } from '../src/log/redact/index.ts';
import { getChampion } from '../src/promote/registry.ts';
import { getRun } from '../src/retrain/runs.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export interface BuiltDataset {
  id: string;
  /** Rows to train on; the held-out tenth is not among them. */
  rows: number;
  /** Why there is nothing to train on; null when there is. */
  stop: string | null;
}

export function createConvertActivities({ config, db, datasetDirectory }: ActivityDependencies) {
  return {
    /** Builds the dataset of a run from every tagged and corrected row up to the run's cut-off. */
    async buildDataset({ model, run }: { model: string; run: number }): Promise<BuiltDataset> {
      const settings = config.models[model];
      if (settings === undefined) throw new RelearnError('model_not_found', `Model ${model} is not configured.`);
      const { cutoffSeq, startedAt, triggers } = await getRun(db, model, run);
      const { preferences, replay } = settings.retrain.dataset;
      const base = settings.retrain.trainer?.base;
      const reserved = await readReserved([settings.drift.gold, settings.evals?.pack]);
      const dataset = await withHeartbeat(() =>
        buildDataset(db, {
          ...{ model, run, cutoffSeq, taggedBefore: startedAt, directory: datasetDirectory, reserved, preferences },
          triggers: [...new Set(triggers.map(({ kind }) => kind))],
          replay: replay > 0 && base !== undefined ? { base, perRow: replay } : undefined,
        }),
      );
      const { id, manifest } = dataset;
      const champion = await getChampion(db, model);
      const fresh = await countNewRows(db, id, champion.dataset);
      if (fresh === 0) return { id, rows: 0, stop: `${champion.version} has learned every corrected row already` };
      if (await wasTried(db, id, run)) {
        return { id, rows: manifest.trainRows, stop: 'an earlier run was made from this very data' };
      }
      return { id, rows: manifest.trainRows, stop: null };
    },
  };
}

/** Production rows are logged redacted, so gold and eval prompts are compared in the same form. */
async function readReserved(files: readonly (string | undefined)[]): Promise<KnownTexts> {
  const reserved = new KnownTexts();
  for (const file of files) {
    if (file === undefined) continue;
    for (const { prompt } of await readExamples(file)) reserved.add(redactText(prompt).text);
  }
  return reserved;
}
