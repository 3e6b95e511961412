import { buildDataset } from '../src/convert/dataset.ts';
import { readDatasetParts } from '../src/convert/parts.ts';
import { countNewRows } from '../src/convert/rows.ts';
import { RelearnError } from '../src/errors.ts';
import { digestGates } from '../src/gate/certificate.ts';
import { findOutcome, type Outcome } from '../src/gate/earlier-runs.ts';
import { digestFile } from '../src/promote/artifacts.ts';
import { getChampion } from '../src/promote/registry.ts';
import { listTaintedChampions } from '../src/promote/taint.ts';
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
      const parts = await readDatasetParts(settings);
      const dataset = await withHeartbeat(() =>
        buildDataset(db, {
          ...{ model, run, cutoffSeq, taggedBefore: startedAt, directory: datasetDirectory, ...parts },
          triggers: [...new Set(triggers.map(({ kind }) => kind))],
        }),
      );
      const { id, manifest } = dataset;
      const repeats = describeRepeats(manifest.dropped.duplicate);
      const champion = await getChampion(db, model);
      const fresh = await countNewRows(db, id, champion.dataset);
      const isTainted = (await listTaintedChampions(db, [model])).length > 0; // to be replaced, though nothing is new
      if (fresh === 0 && !isTainted)
        return { id, rows: 0, stop: `${champion.version} has learned every corrected row already${repeats}` };
      const pack = settings.evals?.pack;
      const asked = {
        packSha256: pack === undefined ? null : await digestFile(pack),
        gatesSha256: digestGates(settings.evals?.gates ?? []),
      };
      const earlier = await findOutcome(db, { model, dataset: id, before: run, ...asked });
      return { id, rows: manifest.trainRows, stop: earlier === null ? null : `${describeOutcome(earlier)}${repeats}` };
    },
  };
}

function describeOutcome({ run, status, reason }: Outcome): string {
  return `run ${run} was made from this very data (${status}): ${reason}`;
}

/** Else new corrections that change nothing would look as if they had been overlooked. */
function describeRepeats(duplicates: number): string {
  return duplicates === 0 ? '' : `; corrected rows that repeat others and teach nothing more: ${duplicates}`;
}
