import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { activityInfo, cancellationSignal, getClient } from '@temporalio/activity';
import { RelearnError } from '../src/errors.ts';
import { redactorVersion, redactText } from '../src/log/redact/index.ts';
import { findVersionOfRun, registerVersion } from '../src/promote/registry.ts';
import { endRollout } from '../src/promote/rollout.ts';
import { trainEmbedded } from '../src/retrain/embedded/train-in-thread.ts';
import { claimRun, finishRun } from '../src/retrain/runs.ts';
import { sendTrigger } from '../src/retrain/send-trigger.ts';
import type { RetrainStatus, RetrainTrigger } from '../src/temporal.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export function createRetrainActivities({
  config,
  db,
  artifacts,
  scratchDirectory,
  datasetDirectory,
  logger,
}: ActivityDependencies) {
  return {
    async triggerRetrain({ model, trigger }: { model: string; trigger: RetrainTrigger }): Promise<void> {
      await sendTrigger(getClient().workflow, model, trigger);
    },

    async claimRun(claim: { model: string; key: string; triggers: RetrainTrigger[] }): Promise<number> {
      return claimRun(db, claim);
    },

    /** Writes the outcome. A candidate that is not promoted leaves the traffic, however its run ended. */
    async finishRun(outcome: { model: string; n: number; status: RetrainStatus; reason: string }): Promise<void> {
      const { model, n, status } = outcome;
      const reason = redactText(outcome.reason).text; // it may quote what a person typed
      if (status !== 'promoted') await endRollout(db, { model, run: n, state: 'rolled_back', by: 'relearn', reason });
      await finishRun(db, { ...outcome, reason });
    },

    /** Trains a candidate in a thread of its own and registers it. A run makes one version, however often this runs. */
    async train(input: {
      model: string;
      run: number;
      dataset: string;
      champion: string;
    }): Promise<{ version: string }> {
      const { model, run, dataset, champion } = input;
      const made = await findVersionOfRun(db, model, run);
      if (made !== null) return { version: made };
      const settings = config.models[model];
      const trainer = settings?.retrain.trainer;
      if (trainer === undefined) {
        throw new RelearnError('invalid_config', `models.${model}.retrain.trainer is not set: nothing can train.`);
      }
      const scratch = await mkdtemp(join(scratchDirectory, `train-${model}-${run}-`));
      try {
        const output = join(scratch, 'model.onnx');
        const files = {
          base: trainer.base,
          dataset: join(datasetDirectory, dataset, 'train.jsonl'),
          calibration: [settings?.drift.gold, settings?.evals?.pack].filter((file) => file !== undefined),
        };
        const trained = await withHeartbeat((tell) =>
          trainEmbedded(
            { files, output, seed: trainer.seed, epochs: trainer.epochs, redactorVersion },
            (share) => tell({ trained: Math.round(share * 100) / 100 }),
            cancellationSignal(),
          ),
        );
        logger.info({ model, run, attempt: activityInfo().attempt, seconds: trained.seconds }, 'trained');
        const version = await registerVersion(db, {
          ...{ model, run, dataset, kind: 'onnx', parent: champion, artifact: await artifacts.put(output) },
          lowConfidenceBelow: trained.lowConfidenceBelow,
          metadata: { trainer: trainer.kind, seed: trainer.seed, redactor: redactorVersion, rows: trained.rows },
        });
        return { version };
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}
