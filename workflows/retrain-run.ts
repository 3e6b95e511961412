import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { RetrainFinished, RetrainStatus, RetrainTrigger } from '../src/temporal.ts';
import { bulk, patient, training } from './activity-options.ts';
import { findLack, readDecision } from './message-shape.ts';
import { showInList, showPage } from './operator-view.ts';
import { isOvertaken } from './overtaken.ts';
import { reportOutcome } from './report-outcome.ts';
import { rollOut } from './roll-out.ts';
import { runPage, type RunView } from './run-page.ts';
import { kindsOf } from './triggers.ts';

export interface RetrainRunInput {
  model: string;
  run: number;
  triggers: RetrainTrigger[];
}

type Phase = 'plan' | 'dataset' | 'train' | 'eval' | 'approve' | 'canary' | 'promote' | RetrainStatus;

export interface RetrainRunState extends RetrainRunInput {
  phase: Phase;
  champion: string | null;
  candidate: string | null;
  dataset: string | null;
  reason: string;
  /** Part of the traffic that the candidate answers. */
  share: number;
}

type Decision = { approved: boolean; by: string; reason: string };

export const approve = defineUpdate<string, [unknown]>('approve');
export const reject = defineUpdate<string, [unknown]>('reject');
export const rollback = defineSignal<[unknown]>('rollback');
export const retrainRunState = defineQuery<RetrainRunState>('state');

function describeDecision({ approved, by, reason }: Decision): string {
  return `${approved ? 'approved' : 'rejected'} by ${by}. ${reason}`.trim();
}

/**
 * One retrain from corrected rows to champion: convert, train, gate, promote. It stops early when no gate is set or
 * nothing new was learned, and leaves the champion alone unless the candidate holds a passed certificate.
 */
export async function retrainRun({ model, run, triggers }: RetrainRunInput): Promise<RetrainFinished> {
  const state: RetrainRunState = {
    ...{ model, run, triggers, phase: 'plan', champion: null, candidate: null, dataset: null, reason: '', share: 0 },
  };
  const view: RunView = { shares: new Map() };
  const desk: { decision?: Decision; takenBack?: { by: string; reason: string } } = {};
  const decide = (approved: boolean) => (message: unknown) => {
    desk.decision ??= { approved, ...readDecision(message) };
    return desk.decision.approved === approved ? 'taken' : 'decided already, otherwise';
  };
  const validator = (message: unknown) => {
    const { phase } = state;
    const problem = phase === 'approve' ? findLack(message) : `this run waits for no decision: its phase is ${phase}`;
    if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem, 'invalid_request');
  };
  setHandler(approve, decide(true), { validator, description: 'Let it serve: {"by":"your name","reason":"…"}' });
  setHandler(reject, decide(false), { validator, description: 'Keep the champion: {"by":"your name","reason":"…"}' });
  setHandler(rollback, (message) => void (desk.takenBack ??= readDecision(message)), {
    description: 'Take the candidate from the traffic while it is rolled out: {"by":"your name","reason":"…"}',
  });
  setHandler(retrainRunState, () => state, { description: 'Phase, versions and reason' });

  const enter = (phase: Phase, waitsFor: string) => {
    state.phase = phase;
    const version = state.candidate ?? undefined;
    showInList({ model, trigger: kindsOf(triggers), phase, ...(version ? { version } : {}) });
    showPage(runPage(state, view, waitsFor));
  };
  const finish = async (status: RetrainStatus, reason: string, by?: string): Promise<RetrainFinished> => {
    state.reason = reason;
    enter(status, `${status}: ${reason}`);
    await patient.finishRun({ model, n: run, status, reason, ...(by === undefined ? {} : { by }) });
    return { run, status, reason, ...(status === 'promoted' && state.candidate ? { version: state.candidate } : {}) };
  };

  try {
    enter('plan', 'reading gates and champion');
    const plan = await patient.planRun({ model });
    state.champion = plan.champion;
    view.console = plan.console;
    if (plan.stop !== null) return await finish('no_gates', plan.stop);

    enter('dataset', 'building the dataset');
    const dataset = await bulk.buildDataset({ model, run });
    state.dataset = dataset.id;
    view.rows = dataset.rows;
    if (dataset.stop !== null) return await finish('nothing_new', dataset.stop);

    enter('train', `training on ${dataset.rows} corrected rows`);
    state.candidate = (await training.train({ model, run, dataset: dataset.id, champion: plan.champion })).version;

    enter('eval', `running the eval pack on ${plan.champion} and ${state.candidate}`);
    const evaluate = { model, source: 'eval', cases: 'pack', run, dataset: dataset.id } as const;
    const championRun = await bulk.infer({ ...evaluate, version: plan.champion });
    const candidateRun = await bulk.infer({ ...evaluate, version: state.candidate });
    if (championRun === null || candidateRun === null) return await finish('no_gates', 'no eval pack is configured');
    const runs = { model, version: state.candidate, championRun: championRun.id, candidateRun: candidateRun.id };
    const judgement = await patient.judge(runs);
    const { verdict, reason } = judgement;
    view.judgement = judgement;
    if (verdict !== 'pass') {
      await patient.certify({ ...runs, approvedBy: null });
      return await finish(verdict === 'fail' ? 'refused' : 'inconclusive', reason);
    }

    if (plan.approvalDays > 0) {
      enter('approve', `waiting for a person to approve ${state.candidate}`);
      const decided = await condition(() => desk.decision !== undefined, `${plan.approvalDays} days`, {
        summary: 'approval deadline',
      });
      const { decision } = desk;
      if (!decided || decision === undefined)
        return await finish('expired', `nobody approved within ${plan.approvalDays} days`);
      if (!decision.approved) return await finish('rejected', describeDecision(decision), decision.by);
    }

    const { decision: approval } = desk;
    const approvedBy = approval?.by ?? null;
    if (plan.canary) {
      enter('canary', `certifying ${state.candidate}`);
      await patient.certify({ ...runs, approvedBy });
      const { champion, token, canary } = plan;
      const takenBack = await rollOut({
        ...{ model, run, champion, version: state.candidate, token, canary, askedBack: () => desk.takenBack },
        tell: (share, verdict) => {
          state.share = share;
          view.shares.set(share, verdict);
          enter('canary', `${state.candidate} answers ${Math.round(share * 100)} % of the traffic (${verdict})`);
        },
      });
      if (takenBack !== null) return await finish('rolled_back', takenBack);
      enter('promote', `making ${state.candidate} the champion`);
    } else {
      enter('promote', `making ${state.candidate} the champion`);
      await patient.certify({ ...runs, approvedBy });
    }
    await patient.promote({
      ...{ model, run, version: state.candidate, expectedToken: plan.token },
      ...{ by: approvedBy ?? 'relearn', reason: approval?.reason ?? '' },
    });
    return await finish('promoted', approval === undefined ? reason : `${reason}; ${describeDecision(approval)}`);
  } catch (error) {
    if (isCancellation(error)) {
      return await CancellationScope.nonCancellable(async () => {
        const outcome = await finish('failed', 'cancelled');
        await reportOutcome(model, triggers, outcome);
        return outcome;
      });
    }
    const failure = error instanceof ActivityFailure ? error.cause : undefined;
    if (!(failure instanceof ApplicationFailure)) throw error;
    return await finish(isOvertaken(failure) ? 'superseded' : 'failed', failure.message);
  }
}
