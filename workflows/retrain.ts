import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { clipSummary, taskQueue, workflowId, type RetrainFinished, type RetrainTrigger } from '../src/temporal.ts';
import { startDetails } from '../src/temporal-details.ts';
import { patient } from './activity-options.ts';
import { readTrigger } from './message-shape.ts';
import { showInList, showOnPage } from './operator-view.ts';
import { reportOutcome } from './report-outcome.ts';
import { retrainRun } from './retrain-run.ts';
import { describeTriggers, kindsOf } from './triggers.ts';

export interface RetrainInput {
  model: string;
  /** Triggers carried over from the run before. */
  pending?: RetrainTrigger[];
}

interface RetrainState {
  model: string;
  running: number | null;
  pending: RetrainTrigger[];
  last: RetrainFinished | null;
}

export const trigger = defineSignal<[unknown]>('trigger');
export const retrainState = defineQuery<RetrainState>('state');

/**
 * One per model: runs one retrain at a time. Triggers that arrive meanwhile are joined into the next run; the
 * workflow ends when none is left.
 */
export async function retrain({ model, pending = [] }: RetrainInput): Promise<RetrainFinished | null> {
  let running: number | null = null;
  let last: RetrainFinished | null = null;
  let finished = 0;
  let triggers: RetrainTrigger[] = [];
  const show = () =>
    showOnPage(`${model}: ${describe(running, last)}`, {
      ...(running === null ? {} : { run: workflowId.retrainRun(model, running), triggers: describeTriggers(triggers) }),
      ...(pending.length === 0 ? {} : { 'for the next run': describeTriggers(pending) }),
      ...(last?.reason === undefined ? {} : { [`run ${last.run}`]: last.reason }),
    });
  const takeTrigger = (message: unknown) => {
    pending.push(readTrigger(message));
    show();
  };
  setHandler(trigger, takeTrigger, { description: 'Ask for a retrain: {"kind":"manual","by":"your name"}' });
  setHandler(retrainState, () => ({ model, running, pending, last }), { description: 'Runs and waiting triggers' });
  show();

  while (pending.length > 0) {
    triggers = pending.splice(0);
    const n = await patient.claimRun({ model, triggers, key: `${workflowInfo().runId}/${finished}` });
    running = n;
    showInList({ model, trigger: kindsOf(triggers), phase: `run ${n}` });
    show();
    last = await runOnce(model, n, triggers);
    running = null;
    finished += 1;
    await reportOutcome(model, triggers, last);
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof retrain>({ model, pending });
    }
  }
  showInList({ model, version: last?.version, phase: last?.status ?? 'idle' });
  show();
  return last;
}

function describe(running: number | null, last: RetrainFinished | null): string {
  if (running !== null) return `run ${running} is under way`;
  if (last === null) return 'nothing to do';
  return `run ${last.run} ended ${last.status}${last.version === undefined ? '' : `, ${last.version} serves`}`;
}

async function runOnce(model: string, n: number, triggers: RetrainTrigger[]): Promise<RetrainFinished> {
  try {
    return await executeChild(retrainRun, {
      workflowId: workflowId.retrainRun(model, n),
      taskQueue,
      args: [{ model, run: n, triggers }],
      // A run must not go on beside the next one: without its parent it ends, and says so.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: clipSummary(`${model}: retrain ${n} (${describeTriggers(triggers)})`),
      staticDetails: startDetails.retrainRun,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const outcome: RetrainFinished = { run: n, status: 'failed', reason: 'the run was terminated or failed' };
    await patient.finishRun({ model, n, status: 'failed', reason: outcome.reason ?? '' });
    return outcome;
  }
}
