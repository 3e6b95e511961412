import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  defineQuery,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { RetrainStatus } from '../src/temporal.ts';
import { patient } from './activity-options.ts';
import { readDecision, readModel, readVersion } from './message-shape.ts';
import { showInList, showOnPage } from './operator-view.ts';
import { isOvertaken } from './overtaken.ts';
import { rollback } from './retrain-run.ts';
import { rollOut } from './roll-out.ts';

interface PromoteState {
  model: string;
  candidate: string;
  phase: string;
  /** Part of the traffic that the version answers. */
  share: number;
}

export interface Promoted {
  status: Extract<RetrainStatus, 'promoted' | 'rolled_back' | 'superseded' | 'failed'>;
  reason: string;
}

export const promoteState = defineQuery<PromoteState>('state');

/**
 * Lets a registered version serve that a person chose: one with a good certificate, by the shares of `rollout.canary`
 * where they are configured. Input: {"model":"…","version":"v3","by":"…","reason":"…"}. Without a rollout it ends at
 * once; a rollout is a run of its own number, and ends as a retrain's.
 */
export async function promote(input: unknown): Promise<Promoted> {
  const { by, reason } = readDecision(input);
  const [model, version] = [readModel(input), readVersion(input)];
  if (model === undefined || version === undefined) {
    const wanted = 'wanted {"model":"…","version":"…","by":"…","reason":"…"}';
    throw ApplicationFailure.nonRetryable(wanted, 'invalid_request');
  }
  const state: PromoteState = { model, candidate: version, phase: 'plan', share: 0 };
  const desk: { takenBack?: { by: string; reason: string } } = {};
  setHandler(rollback, (message) => void (desk.takenBack ??= readDecision(message)), {
    description: 'Take the version from the traffic while it is rolled out: {"by":"your name","reason":"…"}',
  });
  setHandler(promoteState, () => state, { description: 'Phase and share of the traffic' });
  const enter = (phase: string, says: string) => {
    state.phase = phase;
    showInList({ model, version, trigger: 'manual', phase });
    showOnPage(`${model}: ${says}`, { version, by, reason });
  };

  enter('plan', `${version} is to serve`);
  const { champion, token, canary } = await patient.planPromotion({ model, version });
  let run: number | null = null;
  const finish = async (status: Promoted['status'], why: string): Promise<Promoted> => {
    enter(status, `${version} ${status.replace('_', ' ')}: ${why}`);
    if (run !== null) await patient.finishRun({ model, n: run, status, reason: why });
    return { status, reason: why };
  };
  try {
    if (canary !== null && champion !== null) {
      const key = `promote/${workflowInfo().runId}`;
      run = await patient.claimRun({ model, key, triggers: [{ kind: 'manual', by }] });
      const takenBack = await rollOut({
        ...{ model, run, champion, version, token, canary, askedBack: () => desk.takenBack },
        tell: (share, verdict) => {
          state.share = share;
          enter('canary', `${version} answers ${Math.round(share * 100)} % of the traffic (${verdict})`);
        },
      });
      if (takenBack !== null) return await finish('rolled_back', takenBack);
    }
    await patient.promoteByHand({ model, version, expectedToken: token, by, reason });
    return await finish('promoted', `${version} serves${champion === null ? '' : ` in place of ${champion}`}`);
  } catch (error) {
    if (isCancellation(error)) return await CancellationScope.nonCancellable(() => finish('failed', 'cancelled'));
    const failure = error instanceof ActivityFailure ? error.cause : undefined;
    if (!(failure instanceof ApplicationFailure)) throw error;
    return await finish(isOvertaken(failure) ? 'superseded' : 'failed', failure.message);
  }
}
