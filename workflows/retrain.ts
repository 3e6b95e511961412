import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { taskQueue, workflowId, type RetrainFinished, type RetrainTrigger } from '../src/temporal.ts';
import { patient } from './activity-options.ts';
import { readTrigger } from './message-shape.ts';
import { showInList, showOnPage } from './operator-view.ts';
import { retrainRun } from './retrain-run.ts';

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
  setHandler(trigger, (message) => void pending.push(readTrigger(message)), {
    description: 'Ask for a retrain: {"kind":"manual","by":"your name"}',
  });
  setHandler(retrainState, () => ({ model, running, pending, last }), { description: 'Runs and waiting triggers' });

  while (pending.length > 0) {
    const triggers = pending.splice(0);
    const n = await patient.claimRun({ model, triggers, key: `${workflowInfo().runId}/${finished}` });
    running = n;
    showInList({ model, trigger: triggers.map(({ kind }) => kind).join('+'), phase: `run ${n}` });
    showOnPage(`${model}: run ${n} is under way, see ${workflowId.retrainRun(model, n)}`, {
      triggers: triggers.map(describeTrigger).join(', '),
    });
    last = await runOnce(model, n, triggers);
    running = null;
    finished += 1;
    await reportToIncidents(model, triggers, last);
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof retrain>({ model, pending });
    }
  }
  showInList({ model, phase: last?.status ?? 'idle' });
  showOnPage(`${model}: ${last === null ? 'nothing to do' : `run ${last.run} ended ${last.status}`}`, {});
  return last;
}

async function runOnce(model: string, n: number, triggers: RetrainTrigger[]): Promise<RetrainFinished> {
  try {
    return await executeChild(retrainRun, {
      workflowId: workflowId.retrainRun(model, n),
      taskQueue,
      args: [{ model, run: n, triggers }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${model}: retrain ${n} (${triggers.map(describeTrigger).join(', ')})`,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const outcome: RetrainFinished = { run: n, status: 'failed', reason: 'the run was terminated or failed' };
    await patient.finishRun({ model, n, status: 'failed', reason: outcome.reason ?? '' });
    return outcome;
  }
}

/** Tells each waiting driftResponse how the run ended. One that has closed meanwhile needs no word. */
async function reportToIncidents(model: string, triggers: RetrainTrigger[], outcome: RetrainFinished): Promise<void> {
  const incidents = new Set(triggers.flatMap(({ incident }) => (incident === undefined ? [] : [incident])));
  for (const incident of incidents) {
    try {
      await getExternalWorkflowHandle(workflowId.driftResponse(model, incident)).signal('retrainFinished', outcome);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.info('driftResponse is closed, retrainFinished not sent', { incident });
    }
  }
}

export function describeTrigger({ kind, incident, cluster, by }: RetrainTrigger): string {
  const of = incident ?? cluster ?? by;
  return of === undefined ? kind : `${kind} ${of}`;
}
