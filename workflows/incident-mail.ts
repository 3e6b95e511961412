import {
  ApplicationFailure,
  condition,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';
import type { Decision, RetrainFinished } from '../src/temporal.ts';
import { CorrectionInbox, type CorrectionOutcome } from './correction-inbox.ts';
import { readCorrectionBatch, readDecision, readRetrainFinished } from './message-shape.ts';

export const correction = defineSignal<[unknown]>('correction');
export const correctionsRecorded = defineSignal<[unknown]>('correctionsRecorded');
export const detected = defineSignal<[unknown]>('detected');
export const retrainNow = defineSignal<[unknown]>('retrainNow');
export const closeReview = defineSignal<[unknown]>('closeReview');
export const retrainFinished = defineSignal<[unknown]>('retrainFinished');
export const submitCorrections = defineUpdate<{ corrections: CorrectionOutcome[] }, [unknown]>('submitCorrections');

/** What has reached a driftResponse and is not dealt with yet. */
export interface IncidentMail {
  readonly inbox: CorrectionInbox;
  /** Corrections were stored, or drift was detected again, since the last count. */
  recount: boolean;
  closing?: Decision;
  /** A person wants the retrain before enough rows are corrected. */
  early?: Decision;
  outcome?: RetrainFinished;
}

/** Registers every handler of driftResponse. Handlers only put things into the mail and never throw. */
export function openIncidentMail(inbox: CorrectionInbox): IncidentMail {
  const mail: IncidentMail = { inbox, recount: true };
  setHandler(correction, (message) => inbox.takeSignal(message), {
    description: 'One corrected row: {"requestId":"…","completion":"…","operator":"your name"}',
  });
  setHandler(correctionsRecorded, () => void (mail.recount = true), {
    description: 'Corrections that are stored already: {"ids":["…"]}',
  });
  setHandler(detected, () => void (mail.recount = true), {
    description: 'Drift was detected; the detection is stored already',
  });
  setHandler(retrainNow, (message) => void (mail.early ??= readDecision(message)), {
    description: 'Retrain with the rows that are corrected by now: {"by":"your name","reason":"…"}',
  });
  setHandler(closeReview, (message) => void (mail.closing ??= readDecision(message)), {
    description: 'Close the incident: {"by":"your name","reason":"…"}',
  });
  setHandler(
    retrainFinished,
    (message) => {
      const outcome = readRetrainFinished(message);
      if (outcome === undefined) inbox.ignore('retrainFinished: wanted {"run":1,"status":"promoted"}');
      else mail.outcome = outcome;
    },
    { description: 'Sent by the retrain workflow' },
  );
  setHandler(submitCorrections, (message) => takeBatch(inbox, message), {
    validator: (message) => void readBatchOrFail(message),
    description: 'Up to 500 corrected rows: {"batch":"…","corrections":[{"requestId","completion","operator"}]}',
  });
  setDefaultSignalHandler((name) => inbox.ignoreUnreadable(`unknown signal ${name.slice(0, 40)}`));
  return mail;
}

async function takeBatch(inbox: CorrectionInbox, message: unknown): Promise<{ corrections: CorrectionOutcome[] }> {
  const waiting = inbox.takeBatch(readBatchOrFail(message).corrections);
  await condition(() => waiting.answer !== undefined);
  return { corrections: waiting.answer ?? [] };
}

function readBatchOrFail(message: unknown) {
  const batch = readCorrectionBatch(message);
  if (typeof batch === 'string') throw ApplicationFailure.nonRetryable(batch, 'invalid_request');
  return batch;
}
