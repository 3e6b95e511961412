import { activityInfo, getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { redactToStore } from '../src/log/redact/index.ts';
import type { CanaryVerdict } from '../src/promote/canary.ts';
import type { CanaryConfig } from '../src/promote/config.ts';
import { isBudget } from '../src/gate/config.ts';
import { describeFirstVersion } from '../src/promote/first-version.ts';
import { judgeRollout } from '../src/promote/judge-rollout.ts';
import { requirePromotable } from '../src/promote/promotable.ts';
import { deployChampion, rollBackChampion } from '../src/promote/promotion.ts';
import { championLearned, findRunOfVersion, getVersion, listChampions } from '../src/promote/registry.ts';
import { setChallengerShare } from '../src/promote/rollout.ts';
import { requireServable } from '../src/promote/upstream-version.ts';
import { workflowId, type RetrainFinished } from '../src/temporal.ts';
import { listIncidents } from '../src/watch/incidents.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface RunPlan {
  /** The version to beat, and the fencing token a promotion must name. */
  champion: string;
  token: number;
  /** Days to wait for a person's approval; 0 when none is asked. */
  approvalDays: number;
  /** Shares of the traffic, each watched for `stepMs`, before the candidate answers all; null: all at once. */
  canary: { shares: number[]; stepMs: number } | null;
  /** Why the run cannot even begin; null when it can. */
  stop: string | null;
  /** Where people open the console. */
  console?: string;
}

function planOf(canary: CanaryConfig | undefined): RunPlan['canary'] {
  if (canary === undefined || canary.stepMinutes === 0 || canary.shares.length === 0) return null;
  return { shares: canary.shares, stepMs: canary.stepMinutes * 60_000 };
}

export function createPromoteActivities({ config, db, certificateKeys, consoleUrl }: ActivityDependencies) {
  const serveOf = (model: string) => config.models[model]?.serve;

  /** Tells the incidents that rest on a version in their grace time that it no longer serves. */
  async function tellCured(model: string, version: string, reason: string): Promise<void> {
    const run = await findRunOfVersion(db, model, version);
    if (run === null) return; // made by hand: no incident taught it
    const outcome: RetrainFinished = { run, status: 'rolled_back', version, reason };
    const open = await listIncidents(db, { model, open: true });
    for (const { id } of open.filter(({ state }) => state === 'grace')) {
      try {
        await getClient().workflow.getHandle(workflowId.driftResponse(model, id)).signal('retrainFinished', outcome);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error; // it has ended
      }
    }
  }

  return {
    /** Reads what a run needs before it starts. Gates that are not set stop it here, before training. */
    async planRun({ model }: { model: string }): Promise<RunPlan> {
      const settings = config.models[model];
      const [champion] = await listChampions(db, [model]);
      const approvalDays = settings?.rollout.approval === true ? settings.rollout.approvalDays : 0;
      const canary = settings?.rollout.canary;
      const missing = [
        ...(champion === undefined
          ? [`a champion (${describeFirstVersion(model, settings?.serve.kind ?? 'onnx')})`]
          : []),
        ...(settings?.retrain.trainer === undefined ? [`models.${model}.retrain.trainer`] : []),
        ...(settings?.evals?.gates.some((gate) => gate.required && !isBudget(gate)) === true
          ? []
          : [`a required gate in models.${model}.evals.gates`]),
      ];
      const stop = missing.length === 0 ? null : `${model} lacks ${missing.join(' and ')}`;
      return {
        champion: champion?.version ?? '',
        token: champion?.token ?? 0,
        approvalDays,
        canary: planOf(canary),
        stop,
        console: consoleUrl,
      };
    },

    /** Lets a certified candidate answer a share of the traffic; why not, when the rollout was ended meanwhile. */
    async rollOutTo(input: {
      model: string;
      run: number;
      version: string;
      share: number;
      expectedToken: number;
    }): Promise<boolean | { ended: string }> {
      const { state, reason } = await setChallengerShare(db, certificateKeys, input);
      return state === 'running' || { ended: reason ?? state };
    },

    /** How the candidate does beside the champion. The gold runs are eval runs of both on the gold set. */
    async judgeRollout(input: {
      model: string;
      run: number;
      gold: { champion: string; candidate: string } | null;
    }): Promise<CanaryVerdict | { state: 'ended'; reason: string }> {
      return judgeRollout(db, config.models[input.model], input);
    },

    /** Makes a certified candidate the champion, if the champion is still the one the run has beaten. */
    async promote(input: {
      model: string;
      run: number;
      version: string;
      expectedToken: number;
      by: string;
      /** What the person said who approved it; left out by workflows of earlier releases. */
      reason?: string;
    }): Promise<void> {
      const { model, run, version, expectedToken, by } = input;
      const said = await redactToStore((redact) => redact(input.reason ?? ''));
      await deployChampion(db, certificateKeys, {
        ...{ model, version, action: 'promote', expectedToken, actor: by },
        ...{ key: `retrain/${model}/${run}`, reason: `retrain run ${run}${said === '' ? '' : `: ${said}`}` },
        serve: serveOf(model),
      });
    },

    /** Reads what a promotion by hand needs, and refuses one that may not be: not certified, tainted, serving already, of another endpoint. */
    async planPromotion(asked: {
      model: string;
      version: string;
    }): Promise<Pick<RunPlan, 'token' | 'canary'> & { champion: string | null }> {
      const { model } = asked;
      await requirePromotable(db, certificateKeys, asked);
      requireServable(await getVersion(db, model, asked.version), serveOf(model));
      const [champion] = await listChampions(db, [model]);
      const canary = champion === undefined ? null : planOf(config.models[model]?.rollout.canary);
      return { champion: champion?.version ?? null, token: champion?.token ?? 0, canary };
    },

    /** Makes a version the champion that a person chose, if the champion is still the one they were told of. */
    async promoteByHand(input: {
      model: string;
      version: string;
      expectedToken: number;
      by: string;
      reason: string;
    }): Promise<void> {
      const { by, ...deployment } = input;
      const reason = await redactToStore((redact) => redact(input.reason));
      const key = `promote/${activityInfo().workflowExecution?.runId ?? ''}`;
      const serve = serveOf(input.model);
      await deployChampion(db, certificateKeys, { ...deployment, action: 'promote', key, actor: by, reason, serve });
    },

    async rollBack(input: {
      model: string;
      by: string;
      reason: string;
    }): Promise<{ version: string; from: string; console?: string }> {
      const { workflowExecution } = activityInfo();
      const reason = await redactToStore((redact) => redact(input.reason));
      const key = `rollback/${workflowExecution?.runId ?? ''}`;
      const serve = serveOf(input.model);
      const { version, from } = await rollBackChampion(db, certificateKeys, { ...input, reason, key, serve });
      await tellCured(input.model, from, reason);
      return { version, from, console: consoleUrl };
    },

    /** True when the champion was trained on corrections of this incident, which the version that drifted had not learned. */
    async hasLearned({ model, incident }: { model: string; incident: string }): Promise<boolean> {
      return championLearned(db, model, incident);
    },
  };
}
