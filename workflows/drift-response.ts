import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { needsNewOrder } from '../src/correct/queue-order.ts';
import type { Decision, RetrainFinished } from '../src/temporal.ts';
import { answering, bulk, patient } from './activity-options.ts';
import { CorrectionInbox } from './correction-inbox.ts';
import { openIncidentMail } from './incident-mail.ts';
import { incidentPage } from './incident-page.ts';
import { showInList, showPage } from './operator-view.ts';
import { orderReviews } from './order-reviews.ts';

export interface DriftResponseInput {
  model: string;
  incident: string;
  monitor: string;
  /** The version that drifted. Incidents of earlier releases do not say. */
  version?: string;
  /** Distinct corrected rows before the first retrain. */
  minCorrected: number;
  /** How long the promoted version must stand before the incident is resolved. */
  graceMs: number;
  /** Epoch milliseconds: absolute, so that it survives continue-as-new. */
  deadlineAt: number;
  /** What the run before this one carried over. */
  carried?: Carried;
  /** The last order of the review queue: rows corrected by then, and epoch milliseconds of the earliest next one. */
  ordered?: { corrected: number; nextAt: number };
}

type Phase = 'open' | 'collecting' | 'retraining' | 'grace' | 'resolved' | 'closed';

export interface Carried {
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
  /** Corrected rows of which two people say different things. */
  disagreements: number;
  problems: string[];
}

type Progress = Awaited<ReturnType<typeof patient.countCorrections>>;

export interface DriftResponseResult {
  status: 'resolved' | 'closed' | 'skipped';
  reason: string;
  counted: number;
}

export const driftResponseState = defineQuery<DriftResponseState>('state');

/**
 * Answers one incident: keeps and tags its rows, takes corrections, and triggers a retrain once enough distinct rows
 * are corrected, or a person says so. It ends resolved when a version that learned from it is champion and the grace
 * time has passed without a further detection, closed by a person, or skipped at its deadline.
 */
export async function driftResponse(input: DriftResponseInput): Promise<DriftResponseResult> {
  const { model, incident, carried } = input;
  /** Runs of earlier releases store each update alone, count after each, and go on for longer. */
  const spares = patched('sparing-history');
  /** Runs of earlier releases note nothing. Noted as it comes: an erasure must find this run while it is open, too. */
  const notes = patched('note-unreadable');
  const inbox = new CorrectionInbox(carried, { gathers: spares });
  const mail = openIncidentMail(inbox);
  let phase: Phase = carried?.phase ?? 'open';
  let target = carried?.target ?? input.minCorrected;
  let graceUntil = carried?.graceUntil ?? 0;
  let lastRetrain = carried?.lastRetrain ?? null;
  let progress: Progress = { rows: 0, corrected: 0, counted: 0, disagreements: 0, detectedAgain: false };
  let correctedAtOrder = input.ordered?.corrected ?? -Infinity;
  let nextOrderAt = input.ordered?.nextAt ?? 0;
  let nextCountAt = 0;
  /** Our own threshold beside the server's hint: histories stay quick to read and to replay. */
  const needsNewRun = () =>
    workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > (spares ? 1000 : 2000);
  const carry = (): Carried => ({ phase, target, graceUntil, lastRetrain, ...inbox.counts() });
  setHandler(driftResponseState, () => ({ model, incident, ...carry(), ...progress, problems: inbox.problems }), {
    description: 'Phase, counts of corrections, what was ignored and why',
  });
  const show = (ended?: string) => showPage(incidentPage({ input, state: carry(), inbox, ...progress }, ended));
  show();

  /** False when the incident stays as it is. */
  const enter = async (next: Phase, reason: string, decision?: Decision): Promise<boolean> => {
    const by = decision === undefined ? {} : { by: { name: decision.by, key: decision.key ?? null } };
    if ((await patient.setIncidentState({ incident, state: next, reason, ...by })) === 'stays') return false;
    phase = next;
    showInList({ model, version: input.version, trigger: 'drift', phase: next });
    show();
    return true;
  };
  const collectMore = async (reason: string) => {
    target = progress.counted + Math.ceil(input.minCorrected / 2);
    await enter('collecting', reason);
  };
  const hasNews = () => [mail.closing, mail.early, mail.outcome].some((message) => message !== undefined);
  const countIsDue = () => mail.recount && (Date.now() >= nextCountAt || hasNews());
  const count = async () => {
    mail.recount = false;
    progress = await answering.countCorrections({ incident });
    if (spares) nextCountAt = Date.now() + countRestMs;
  };
  const hasToNote = () => notes && inbox.unreadable === 'some';
  const hasMail = () => !inbox.isEmpty || hasToNote() || countIsDue() || hasNews();
  const retrainOn = async (reason: string, decision?: Decision) => {
    await bulk.keepIncidentRows({ incident });
    await enter('retraining', reason, decision);
    const by = decision === undefined ? {} : { by: decision.by };
    await patient.triggerRetrain({ model, trigger: { kind: 'drift', incident, ...by } });
  };
  /** Beside all else, one at a time: with many rows it takes a core for a minute, and no correction waits for that. */
  const orderQueue = () => {
    if (Date.now() < nextOrderAt || !needsNewOrder(progress.corrected, correctedAtOrder)) return;
    if (!patched('order-reviews')) return;
    correctedAtOrder = progress.corrected;
    const began = Date.now();
    nextOrderAt = Infinity;
    const done = () => void (nextOrderAt = Date.now() + orderRest * (Date.now() - began));
    orderReviews(model).then(done, done); // it fails only when all is cancelled
  };
  const storeWaiting = async () => {
    for (let batch = inbox.nextBatch(); batch !== undefined; batch = inbox.nextBatch()) {
      inbox.settle(batch.messages, await answering.storeCorrections(batch));
      mail.recount = true;
    }
    if (hasToNote()) {
      inbox.unreadable = 'noted';
      await answering.noteUnreadable();
    }
  };
  /** Goes on in a new run, unless there is something to do first. An order of the queue under way would end with this run. */
  const renew = async () => {
    await condition(() => hasMail() || (allHandlersFinished() && nextOrderAt !== Infinity));
    if (hasMail()) return;
    const ordered = Number.isFinite(correctedAtOrder)
      ? { corrected: correctedAtOrder, nextAt: nextOrderAt }
      : undefined;
    await continueAsNew<typeof driftResponse>({ ...input, carried: carry(), ...(ordered && { ordered }) });
  };
  const finish = async (status: DriftResponseResult['status'], reason: string): Promise<DriftResponseResult> => {
    show(`${status}: ${reason}`);
    // What arrives while it ends is stored and answered too.
    while (!inbox.isEmpty || hasToNote() || !allHandlersFinished()) {
      await storeWaiting();
      await condition(() => !inbox.isEmpty || allHandlersFinished());
    }
    return { status, reason, counted: progress.counted };
  };

  if (phase === 'open') {
    await enter('collecting', '');
    await bulk.keepIncidentRows({ incident, justOpened: true });
    orderQueue();
  }
  for (;;) {
    await storeWaiting();
    if (countIsDue()) {
      await count();
      if (phase === 'collecting') orderQueue();
    } else if (mail.closing !== undefined) {
      const reason = `closed by ${mail.closing.by}. ${mail.closing.reason}`.trim();
      await enter('closed', reason, mail.closing);
      return await finish('closed', reason);
    } else if (mail.outcome !== undefined) {
      const outcome = mail.outcome;
      delete mail.outcome;
      const isRollback = phase === 'grace' && outcome.status === 'rolled_back';
      if (!isRollback) lastRetrain = outcome;
      const reason = `run ${outcome.run} ended ${outcome.status}${outcome.reason === undefined ? '' : `: ${outcome.reason}`}`;
      if (mayCure(outcome) && (await patient.hasLearned({ model, incident }))) {
        graceUntil = Date.now() + input.graceMs;
        await enter('grace', reason);
      } else if (phase === 'retraining') {
        // A run that another promotion overtook is asked for again; one that failed waits for more to learn from.
        if (outcome.status === 'superseded') await enter('collecting', reason);
        else await collectMore(reason);
      } else if (isRollback && patched('rolled-back-in-grace')) {
        if (!(await patient.hasLearned({ model, incident }))) {
          lastRetrain = outcome;
          await collectMore(cureIsGone);
        }
      }
    } else if (mail.early !== undefined) {
      const { early } = mail;
      delete mail.early;
      const reason = `asked for by ${early.by} at ${progress.counted} of ${target} corrected. ${early.reason}`.trim();
      if (phase === 'retraining') inbox.ignore('retrainNow: a retrain is under way already');
      else await retrainOn(reason, early);
    } else if (mail.recount) {
      if (needsNewRun()) await renew();
      else await condition(() => hasMail() || needsNewRun(), waitMs(nextCountAt), { summary: 'the next count' });
    } else if (phase === 'collecting' && progress.counted >= target) {
      await retrainOn(`${progress.counted} of ${target} corrected`);
    } else if (phase === 'grace' && progress.detectedAgain) {
      await collectMore('drift was detected again in the grace time');
      mail.recount = true;
    } else if (phase === 'grace' && Date.now() >= graceUntil) {
      if (!(await patient.hasLearned({ model, incident }))) {
        await collectMore(cureIsGone);
      } else {
        const reason = `learned in run ${lastRetrain?.run ?? 0}, which still serves`;
        if (await enter('resolved', reason)) return await finish('resolved', reason);
        mail.recount = true; // drift was detected again, and the word of it has not come yet
      }
    } else if (phase === 'collecting' && Date.now() >= input.deadlineAt) {
      const reason = `skipped: ${progress.counted} of ${target} corrected`;
      await enter('closed', reason);
      return await finish('skipped', reason);
    } else if (needsNewRun()) {
      await renew();
    } else {
      show();
      const isDue = () => hasMail() || mail.recount || needsNewRun();
      if (phase === 'retraining') await condition(isDue);
      else if (phase === 'grace') await condition(isDue, waitMs(graceUntil), { summary: 'grace time' });
      else await condition(isDue, waitMs(input.deadlineAt), { summary: 'deadline' });
    }
  }
}

const cureIsGone = 'the version that learned from it no longer serves';

/** Between two counts: a count reads all corrections of the incident, and single ones come many a second. */
const countRestMs = 1000;

/** Between two orders of the queue, so many times as long as the first one took: thousands of corrections need the cores. */
const orderRest = 3;

/** Outcomes after which the champion may have learned from the incident. */
function mayCure({ status }: RetrainFinished): boolean {
  return status === 'promoted' || status === 'nothing_new' || status === 'superseded';
}

function waitMs(until: number): number {
  return Math.max(until - Date.now(), 1);
}
