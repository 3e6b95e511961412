import { ApplicationFailure } from '@temporalio/workflow';
import { patient } from './activity-options.ts';
import { readDecision, readModel } from './message-shape.ts';
import { showInList, showOnPage } from './operator-view.ts';

/** Takes the champion back to the version that served before it. Input: {"model":"…","by":"…","reason":"…"}. */
export async function rollback(input: unknown): Promise<{ status: 'rolled_back'; version: string; from: string }> {
  const { by, reason } = readDecision(input);
  const model = readModel(input);
  if (model === undefined)
    throw ApplicationFailure.nonRetryable('wanted {"model":"…","by":"…","reason":"…"}', 'invalid_request');
  showInList({ model, trigger: 'manual', phase: 'rollback' });
  showOnPage(`${model}: going back to the version before`, { by, reason });
  const { version, from, console } = await patient.rollBack({ model, by, reason });
  showInList({ model, version, phase: 'rolled back' });
  const facts = { serves: version, 'taken back': from, by, reason };
  showOnPage(`${model}: ${version} serves again`, facts, {
    console,
    next: [{ text: 'its versions', to: ['versions', model] }],
  });
  return { status: 'rolled_back', version, from };
}
