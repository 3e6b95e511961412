import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { RetrainFinished } from '../src/temporal.ts';
import { needsNewOrder } from '../src/correct/queue-order.ts';
import { bulk, patient } from './activity-options.ts';
import { CorrectionInbox } from './correction-inbox.ts';
import { openIncidentMail } from './incident-mail.ts';
import { showInList, showOnPage } from './operator-view.ts';
import { orderReviews } from './order-reviews.ts';

export interface DriftResponseInput {
  model: string;
  incident: string;
  monitor: string;
  /** Distinct corrected rows before the first retrain. */
  minCorrected: number;
  /** How long the promoted version must stand before the incident is resolved. */
  graceMs: number;
  /** Epoch milliseconds: absolute, so that it survives continue-as-new. */
  deadlineAt: number;
  /** What the run before this one carried over. */
  carried?: Carried;
}

type Phase = 'open' | 'collecting' | 'retraining' | 'grace' | 'resolved' | 'closed';

interface Carried {
  phase: Phase;
  /** Corrected rows that trigger the next retrain. */
  target: number;
  graceUntil: number;
  lastRetrain: RetrainFinished | null;
  accepted: number;
  repeated: number;
  ignored: number;
}

export interface DriftResponseState extends Carried {
  model: string;
  incident: string;
  /** Rows of the incident, those corrected, and those that count: corrected to something else than the response. */
  rows: number;
  corrected: number;
  counted: number;
  problems: string[];
}

export interface DriftResponseResult {
  status: 'resolved' | 'closed' | 'skipped';
  reason: string;
  counted: number;
}

export const driftResponseState = defineQuery<DriftResponseState>('state');

/**
 * Answers one incident: keeps and tags its rows, takes corrections, and triggers a retrain once enough distinct rows
 * are corrected. It ends resolved when a version that learned from it is champion and the grace time has passed,
 * closed by a person, or skipped at its deadline.
 */
export async function driftResponse(input: DriftResponseInput): Promise<DriftResponseResult> {
  const { model, incident, carried } = input;
  const inbox = new CorrectionInbox(carried);
  const mail = openIncidentMail(inbox);
  let phase: Phase = carried?.phase ?? 'open';
  let target = carried?.target ?? input.minCorrected;
  let graceUntil = carried?.graceUntil ?? 0;
  let lastRetrain = carried?.lastRetrain ?? null;
  let progress = { rows: 0, corrected: 0, counted: 0 };
  let correctedAtOrder = -Infinity;
  const carry = (): Carried => ({ phase, target, graceUntil, lastRetrain, ...inbox.counts() });
  setHandler(driftResponseState, () => ({ model, incident, ...carry(), ...progress, problems: inbox.problems }), {
    description: 'Phase, counts of corrections, what was ignored and why',
  });

  const enter = async (next: Phase, reason: string) => {
    phase = next;
    await patient.setIncidentState({ incident, state: next, reason });
    showInList({ model, trigger: 'drift', phase: next });
  };
  const collectMore = async (reason: string) => {
    target = progress.counted + Math.ceil(input.minCorrected / 2);
    await enter('collecting', reason);
  };
  const orderQueue = async () => {
    if (!needsNewOrder(progress.corrected, correctedAtOrder) || !patched('order-reviews')) return;
    correctedAtOrder = progress.corrected;
    await orderReviews(model);
  };
  const storeWaiting = async () => {
    for (let batch = inbox.nextBatch(); batch !== undefined; batch = inbox.nextBatch()) {
      inbox.settle(batch.messages, await patient.storeCorrections(batch));
      mail.recount = true;
    }
  };
  const end = async (status: DriftResponseResult['status'], reason: string): Promise<DriftResponseResult> => {
    await enter(status === 'resolved' ? 'resolved' : 'closed', reason);
    showOnPage(`${model}: ${status}: ${reason}`, { incident, ...progress });
    // What arrives while it ends is stored and answered too.
    while (!inbox.isEmpty || !allHandlersFinished()) {
      await storeWaiting();
      await condition(() => !inbox.isEmpty || allHandlersFinished());
    }
    return { status, reason, counted: progress.counted };
  };

  if (phase === 'open') {
    await enter('collecting', '');
    await bulk.keepIncidentRows({ incident });
    await orderQueue();
  }
  for (;;) {
    await storeWaiting();
    if (mail.recount) {
      mail.recount = false;
      progress = await patient.countCorrections({ incident });
      if (phase === 'collecting') await orderQueue();
    } else if (mail.closing !== undefined) {
      return await end('closed', `closed by ${mail.closing.by}. ${mail.closing.reason}`.trim());
    } else if (mail.outcome !== undefined) {
      const outcome = mail.outcome;
      delete mail.outcome;
      lastRetrain = outcome;
      const reason = `run ${outcome.run} ended ${outcome.status}${outcome.reason === undefined ? '' : `: ${outcome.reason}`}`;
      if (mayCure(outcome) && (await patient.hasLearned({ model, incident }))) {
        graceUntil = Date.now() + input.graceMs;
        await enter('grace', reason);
      } else if (phase === 'retraining') {
        // A run that another promotion overtook is asked for again; one that failed waits for more to learn from.
        if (outcome.status === 'superseded') await enter('collecting', reason);
        else await collectMore(reason);
      }
    } else if (phase === 'collecting' && progress.counted >= target) {
      await bulk.keepIncidentRows({ incident });
      await enter('retraining', `${progress.counted} of ${target} corrected`);
      await patient.triggerRetrain({ model, trigger: { kind: 'drift', incident } });
    } else if (phase === 'grace' && Date.now() >= graceUntil) {
      if (await patient.hasLearned({ model, incident })) {
        return await end('resolved', `learned in run ${lastRetrain?.run ?? 0}, which still serves`);
      }
      await collectMore('the version that learned from it no longer serves');
    } else if (phase === 'collecting' && Date.now() >= input.deadlineAt) {
      return await end('skipped', `skipped: ${progress.counted} of ${target} corrected`);
    } else if (needsNewRun()) {
      await condition(allHandlersFinished);
      if (inbox.isEmpty) await continueAsNew<typeof driftResponse>({ ...input, carried: carry() });
    } else {
      showOnPage(`${model}: ${describeWait(carry(), progress.counted)}`, {
        ...{ incident, monitor: input.monitor, rows: progress.rows, corrected: progress.corrected },
        ...{ 'sent twice': inbox.repeated, ignored: inbox.ignored, 'last ignored': inbox.problems.at(-1) ?? '–' },
      });
      const hasMail = () => !inbox.isEmpty || mail.recount || Boolean(mail.closing) || Boolean(mail.outcome);
      const isDue = () => hasMail() || needsNewRun();
      if (phase === 'retraining') await condition(isDue);
      else if (phase === 'grace') await condition(isDue, waitMs(graceUntil), { summary: 'grace time' });
      else await condition(isDue, waitMs(input.deadlineAt), { summary: 'deadline' });
    }
  }
}

/** Outcomes after which the champion may have learned from the incident. */
function mayCure({ status }: RetrainFinished): boolean {
  return status === 'promoted' || status === 'nothing_new' || status === 'superseded';
}

function waitMs(until: number): number {
  return Math.max(until - Date.now(), 1);
}

/** Our own threshold beside the server's hint: histories stay quick to read and to replay. */
function needsNewRun(): boolean {
  return workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 2000;
}

function describeWait({ phase, target, graceUntil }: Carried, counted: number): string {
  if (phase === 'collecting') return `waiting for corrections, ${counted} of ${target}`;
  if (phase === 'retraining') return 'waiting for the retrain; corrections are still taken';
  return `a version that learned from it serves; resolved at ${new Date(graceUntil).toISOString()}`;
}
