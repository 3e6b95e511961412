import { activityInfo } from '@temporalio/activity';
import { deployChampion, rollBackChampion } from '../src/promote/promotion.ts';
import { championLearned, listChampions } from '../src/promote/registry.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface RunPlan {
  /** The version to beat, and the fencing token a promotion must name. */
  champion: string;
  token: number;
  /** Days to wait for a person's approval; 0 when none is asked. */
  approvalDays: number;
  /** Why the run cannot even begin; null when it can. */
  stop: string | null;
}

export function createPromoteActivities({ config, db, certificateKeys }: ActivityDependencies) {
  return {
    /** Reads what a run needs before it starts. Gates that are not set stop it here, before training. */
    async planRun({ model }: { model: string }): Promise<RunPlan> {
      const settings = config.models[model];
      const [champion] = await listChampions(db, [model]);
      const approvalDays = settings?.rollout.approval === true ? settings.rollout.approvalDays : 0;
      const missing = [
        ...(champion === undefined ? ['a champion (relearn train --deploy)'] : []),
        ...(settings?.retrain.trainer === undefined ? [`models.${model}.retrain.trainer`] : []),
        ...(settings?.evals?.gates.some((gate) => gate.required) === true
          ? []
          : [`a required gate in models.${model}.evals.gates`]),
      ];
      const stop = missing.length === 0 ? null : `${model} lacks ${missing.join(' and ')}`;
      return { champion: champion?.version ?? '', token: champion?.token ?? 0, approvalDays, stop };
    },

    /** Makes a certified candidate the champion, if the champion is still the one the run has beaten. */
    async promote(input: {
      model: string;
      run: number;
      version: string;
      expectedToken: number;
      by: string;
    }): Promise<void> {
      const { model, run, version, expectedToken, by } = input;
      await deployChampion(db, certificateKeys, {
        ...{ model, version, action: 'promote', expectedToken, actor: by },
        ...{ key: `retrain/${model}/${run}`, reason: `retrain run ${run}` },
      });
    },

    async rollBack(input: { model: string; by: string; reason: string }): Promise<{ version: string; from: string }> {
      const { workflowExecution } = activityInfo();
      return rollBackChampion(db, certificateKeys, { ...input, key: `rollback/${workflowExecution?.runId ?? ''}` });
    },

    /** True when the champion was trained on corrections of this incident. */
    async hasLearned({ model, incident }: { model: string; incident: string }): Promise<boolean> {
      return championLearned(db, model, incident);
    },
  };
}
