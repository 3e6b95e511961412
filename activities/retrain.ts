import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { activityInfo, cancellationSignal, getClient } from '@temporalio/activity';
import { latestRevision } from '../src/convert/revise.ts';
import { RelearnError } from '../src/errors.ts';
import { redactToStore } from '../src/log/redact/index.ts';
import { findVersionOfRun } from '../src/promote/registry.ts';
import { endRollout } from '../src/promote/rollout.ts';
import { deleteTaintedAnswers, refuseErased } from '../src/promote/taint.ts';
import { createTrainer } from '../src/retrain/create-trainer.ts';
import { openJobStore } from '../src/retrain/jobs/job-store.ts';
import { registerTrained } from '../src/retrain/register-trained.ts';
import { claimRun, finishRun } from '../src/retrain/runs.ts';
import { sendTrigger } from '../src/retrain/send-trigger.ts';
import { nameRun } from '../src/retrain/trainer.ts';
import type { RetrainStatus, RetrainTrigger } from '../src/temporal.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export interface TrainInput {
  model: string;
  run: number;
  dataset: string;
  /** The version it is to replace. */
  champion: string;
}

export function createRetrainActivities({
  config,
  db,
  artifacts,
  scratchDirectory,
  datasetDirectory,
  secret,
  environment,
  writer,
  logger,
}: Omit<ActivityDependencies, 'answerer' | 'certificateKeys' | 'consoleUrl' | 'hashKey'>) {
  const runFolder = (model: string, run: number) => join(scratchDirectory, `train-${model}-${run}`);
  async function trainCandidate({ model, run, dataset, champion }: TrainInput): Promise<string> {
    const settings = config.models[model];
    const trainer = settings?.retrain.trainer;
    if (settings === undefined || trainer === undefined) {
      throw new RelearnError('invalid_config', `models.${model}.retrain.trainer is not set: nothing can train.`);
    }
    const key = nameRun({ model, run, dataset });
    const folder = runFolder(model, run);
    await mkdir(folder, { recursive: true });
    const train = createTrainer(trainer, {
      ...{ environment, secret, jobs: openJobStore(db), chain: config.log.redaction.chain },
    });
    const rows = join(datasetDirectory, await latestRevision(db, dataset));
    const replay = join(rows, 'replay.jsonl');
    const learn = {
      corrected: join(rows, 'train.jsonl'),
      replay: existsSync(replay) ? replay : undefined,
      calibration: [settings.drift.gold, settings.evals?.pack].filter((file) => file !== undefined),
    };
    const trained = await withHeartbeat((tell) =>
      train(learn, { key, folder }, (share) => tell({ trained: Math.round(share * 100) / 100 }), cancellationSignal()),
    );
    logger.info({ model, run, attempt: activityInfo().attempt, seconds: trained.seconds }, 'trained');
    const made = { model, run, dataset, parent: champion, trainer: trainer.kind, serve: settings.serve };
    return registerTrained({ db, artifacts }, trained, made);
  }

  return {
    async triggerRetrain({ model, trigger }: { model: string; trigger: RetrainTrigger }): Promise<void> {
      await sendTrigger(getClient().workflow, model, trigger);
    },

    async claimRun(claim: { model: string; key: string; triggers: RetrainTrigger[] }): Promise<number> {
      return claimRun(db, claim);
    },

    /**
     * Writes the outcome, and into the audit where a person decided it. A candidate that is not promoted leaves the
     * traffic, however its run ended.
     */
    async finishRun(outcome: {
      model: string;
      n: number;
      status: RetrainStatus;
      reason: string;
      by?: string;
    }): Promise<void> {
      const { model, n, status } = outcome;
      const reason = await redactToStore((redact) => redact(outcome.reason)); // it may quote what a person typed
      if (status !== 'promoted') await endRollout(db, { model, run: n, state: 'rolled_back', by: 'relearn', reason });
      await finishRun(db, { ...outcome, reason });
      await writer.flush();
      await deleteTaintedAnswers(db); // the run may have asked a tainted champion
      // Kept until now: a second attempt goes on from its checkpoints.
      await rm(runFolder(outcome.model, outcome.n), { recursive: true, force: true });
    },

    /**
     * Trains a candidate in a thread of its own and registers it. A run makes one version, however often this runs. Throws
     * `version_tainted` when rows were erased that it may have learned from.
     */
    async train(input: TrainInput): Promise<{ version: string }> {
      const { model, run } = input;
      const version = (await findVersionOfRun(db, model, run)) ?? (await trainCandidate(input));
      await refuseErased(db, { model, version }, new Date(activityInfo().scheduledTimestampMs));
      return { version };
    },
  };
}
